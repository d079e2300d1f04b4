import type { FormatName } from '../task-spec.ts';
import type { Engine } from './engine.ts';

/** The engines of one worker. Each accepts other payload formats. */
export interface Engines {
  readonly all: readonly [Engine, ...Engine[]];
  /** The payload formats of all engines, beginning with those of the first. */
  readonly formats: readonly FormatName[];
  /** The engine for a task's format. */
  for(task: { readonly format: FormatName }): Engine;
}

/** @throws Error when there is none */
export function enginesOf(engines: readonly Engine[]): Engines {
  const [first, ...others] = engines;
  if (!first) throw new Error('a worker needs an engine');
  return {
    all: [first, ...others],
    formats: [...new Set(engines.flatMap(({ formats }) => formats))],
    // A refused task may have none of the formats. It needs an engine only for its log.
    for: ({ format }) => engines.find(({ formats }) => formats.includes(format)) ?? first,
  };
}
