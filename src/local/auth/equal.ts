import { timingSafeEqual } from 'node:crypto';

/** Compares secrets, or what is made of them: how long it takes says nothing about where they differ. */
export function equal(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
