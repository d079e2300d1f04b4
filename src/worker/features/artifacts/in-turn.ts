/**
 * Does something with each of many items, so many of them at a time. An item is asked for when there is somebody for it. A
 * failure ends nothing but its own item.
 *
 * @throws what the first of the items that failed, or the items themselves, failed with, when all is done
 */
export async function inTurn<Item>(
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
