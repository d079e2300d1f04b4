import type { Observable } from 'rxjs';
import type { ConsumeOptions } from './consume-options.ts';

/** A stream of `consume`, to an operator right behind it that knows better what to ask of the broker. */
export interface ConsumeSource {
  readonly options: ConsumeOptions<unknown>;
  /** The same stream, with other options. */
  readonly with: (changes: Pick<ConsumeOptions<unknown>, 'prefetch' | 'onBadMessage'>) => Observable<unknown>;
}

const sources = new WeakMap<Observable<unknown>, ConsumeSource>();

export function remember(messages$: Observable<unknown>, source: ConsumeSource): void {
  sources.set(messages$, source);
}

export function sourceOf(messages$: Observable<unknown>): ConsumeSource | undefined {
  return sources.get(messages$);
}
