/**
 * Processes many items, a limited number of them at a time. Items are requested on demand. A failure ends only
 * its own item.
 *
 * @throws the first error of an item or of the source, when everything is done
 */
export async function forEachConcurrently<Item>(
  items: AsyncGenerator<Item, void>,
  atOnce: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  let asked = 0;
  let first = { index: Infinity, failure: undefined as unknown };
  const workInTurn = async () => {
    for (;;) {
      const index = asked++;
      try {
        const next = await items.next();
        if (next.done) return;
        await work(next.value);
      } catch (failure) {
        if (index < first.index) first = { index, failure };
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, workInTurn));
  if (first.index < Infinity) throw first.failure;
}
