import { assertDescriptors } from './launcher/descriptors.ts';
import type { Enclosure } from './enclosure.ts';
import { newMark } from './processes/mark.ts';

/**
 * How many descriptors must be free before an enclosure is prepared. A prepared enclosure uses seven, and eleven while
 * it is being opened. A worker with fewer free descriptors needs them for its runs.
 */
const DESCRIPTORS_TO_SPARE = 48;

/** Delay in ms before the next enclosure is prepared, because the starting command has priority. */
const DELAY_MS = 5;

/** An enclosure, and the mark that identifies its processes. */
export interface Marked<E extends Enclosure = Enclosure> {
  readonly mark: string;
  readonly enclosure: E;
}

/** A source of enclosures. */
export interface Enclosures<E extends Enclosure = Enclosure> {
  readonly take: () => Promise<Marked<E>>;
  /** Ends prepared enclosures that were not taken. */
  readonly close: () => Promise<void>;
}

/** Opens each enclosure on request. */
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
 * Keeps one enclosure prepared, beginning with the first request: opening one takes longer than everything else before
 * a command. A prepared enclosure is empty, and ends with the worker like any other.
 */
export function prepareOneAhead<E extends Enclosure>(enclose: (mark: string) => Promise<E>): Enclosures<E> {
  const { take } = onDemand(enclose);
  let next: Promise<Marked<E> | undefined> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  const prepare = () => {
    if (closed || !hasDescriptors()) return;
    // The next run meets the error if it occurs again.
    next ??= take().catch(() => undefined);
  };
  return {
    take: async () => {
      const ready = next;
      next = undefined;
      const spare = await ready;
      // If it has ended meanwhile, it cannot be used. Its descriptors are freed before new ones are needed.
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
