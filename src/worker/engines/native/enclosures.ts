import { assertDescriptors } from './launcher/descriptors.ts';
import type { Enclosure } from './enclosure.ts';
import { newMark } from './processes/mark.ts';

/** A spare takes seven, or eleven while it is made; a worker that is short of them needs these for its runs. */
const DESCRIPTORS_TO_SPARE = 48;

/** How long after a place was taken the next is made, in ms: the command that is starting comes first. */
const DELAY_MS = 5;

/** An enclosure, and the mark by which its processes are known. */
export interface Marked<E extends Enclosure = Enclosure> {
  readonly mark: string;
  readonly enclosure: E;
}

/** Where enclosures come from. */
export interface Enclosures<E extends Enclosure = Enclosure> {
  readonly take: () => Promise<Marked<E>>;
  /** Ends what was made and not taken. */
  readonly close: () => Promise<void>;
}

/** Makes each enclosure when it is asked for. */
export function onDemand<E extends Enclosure>(enclose: (mark: string) => Promise<E>): Enclosures<E> {
  return {
    take: async () => {
      const mark = newMark();
      return { mark, enclosure: await enclose(mark) };
    },
    close: async () => undefined,
  };
}

/**
 * Has one enclosure ready, from the first on that was taken: to make one takes longer than all else that comes before a
 * command. It is empty until then, and ends with the worker as every one does.
 */
export function oneAhead<E extends Enclosure>(enclose: (mark: string) => Promise<E>): Enclosures<E> {
  const { take } = onDemand(enclose);
  let next: Promise<Marked<E> | undefined> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  const prepare = () => {
    if (closed || !hasDescriptors()) return;
    // What went wrong is seen by the next run, when it goes wrong again.
    next ??= take().catch(() => undefined);
  };
  return {
    take: async () => {
      const ready = next;
      next = undefined;
      const spare = await ready;
      // Whatever has ended it meanwhile, nobody can enter it. What it holds is given back before more is needed.
      const isOver = spare?.enclosure.over === true;
      if (spare && isOver) await end(spare);
      const marked = spare && !isOver ? spare : await take();
      clearTimeout(timer);
      timer = setTimeout(prepare, DELAY_MS);
      return marked;
    },
    close: async () => {
      closed = true;
      clearTimeout(timer);
      const spare = await next;
      if (spare) await end(spare);
    },
  };
}

function hasDescriptors(): boolean {
  try {
    assertDescriptors(DESCRIPTORS_TO_SPARE);
    return true;
  } catch {
    return false;
  }
}

async function end({ enclosure }: Marked): Promise<void> {
  await enclosure.kill();
  enclosure.pipe.close();
  enclosure.errors?.close();
  await enclosure.discard?.();
}
