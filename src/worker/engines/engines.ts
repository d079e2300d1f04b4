import type { FormatName } from '../task-spec.ts';
import type { Engine } from './engine.ts';

/** The engines of one worker, of which each runs the tasks of other payload formats. */
export interface Engines {
  readonly all: readonly [Engine, ...Engine[]];
  /** The payload formats of all of them, those of the first engine first. */
  readonly formats: readonly FormatName[];
  /** The engine that runs tasks of a format. */
  for(task: { readonly format: FormatName }): Engine;
}

/** @throws Error when there is none */
export function enginesOf(engines: readonly Engine[]): Engines {
  const [first, ...others] = engines;
  if (!first) throw new Error('a worker needs an engine');
  return {
    all: [first, ...others],
    formats: [...new Set(engines.flatMap(({ formats }) => formats))],
    // A task that is refused may be of none of the formats: it needs an engine for nothing but its log.
    for: ({ format }) => engines.find(({ formats }) => formats.includes(format)) ?? first,
  };
}
