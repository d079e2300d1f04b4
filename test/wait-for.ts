import { vi } from 'vitest';
import { PATIENCE_MS } from './patience.ts';

/** Waits until `check` does not throw any more, as {@link vi.waitFor}, which has patience for a second only. */
export function waitFor<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: PATIENCE_MS, interval: 20 });
}
