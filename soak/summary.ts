import type { TaskStatusStructure } from '../src/taskcluster/index.ts';

/** A fault that was injected. All times are in ms. */
export interface StruckFault {
  readonly name: string;
  /** The number of affected workers. */
  readonly workers: number;
  readonly lastsMs: number;
  /** The time for which the slowest of them was idle after the end of the fault before it claimed a task again. */
  readonly lostMs: number;
  readonly boundMs: number;
}

export interface Summary {
  readonly seed: number;
  readonly seconds: number;
  readonly tasks: number;
  readonly statuses: readonly TaskStatusStructure[];
  readonly faults: readonly StruckFault[];
  /** The warnings and errors that workers logged, with their numbers. */
  readonly complaints: readonly (readonly [string, number])[];
  /** The broken promises, except for times. */
  readonly problems: readonly string[];
}

/** Returns all broken promises. */
export function brokenPromises({ problems, faults }: Summary): string[] {
  const late = faults
    .filter(({ lostMs, boundMs }) => lostMs > boundMs)
    .map(({ name, lostMs, boundMs }) => `${name} cost ${seconds(lostMs)}, more than ${seconds(boundMs)}`);
  return [...problems, ...late];
}

/** Returns the summary as text. */
export function inWords(summary: Summary): string {
  const { statuses, faults, complaints } = summary;
  const ends = counted(
    statuses.map(({ state, runs }) => (runs.at(-1)?.reasonResolved === 'canceled' ? 'canceled' : state)),
  );
  const retries = counted(
    statuses.flatMap(({ runs }) => runs.slice(0, -1).map(run => run.reasonResolved ?? run.state)),
  );
  const runs = statuses.reduce((sum, status) => sum + status.runs.length, 0);
  const said = new Map<string, number>();
  for (const [text, count] of complaints) said.set(text, (said.get(text) ?? 0) + count);
  const broken = brokenPromises(summary);
  return [
    `seed ${summary.seed}, ${summary.seconds.toFixed(0)} s`,
    `tasks    ${summary.tasks}: ${ends}`,
    `runs     ${runs}; run again: ${retries || 'none'}`,
    '',
    'fault              workers    lasted      lost     bound',
    ...faults.map(({ name, workers, lastsMs, lostMs, boundMs }) =>
      [
        name.padEnd(18),
        String(workers).padStart(8),
        ...[lastsMs, lostMs, boundMs].map(ms => seconds(ms).padStart(10)),
        ...(lostMs > boundMs ? ['  LATE'] : []),
      ].join(''),
    ),
    '',
    'workers said:',
    ...[...said]
      .sort(([, one], [, other]) => other - one)
      .map(([text, n]) => `${String(n).padStart(6)}  ${text}`),
    '',
    broken.length === 0 ? 'every promise was kept' : `${broken.length} PROMISES BROKEN:`,
    ...broken.slice(0, 50).map(text => `- ${text}`),
    '',
  ].join('\n');
}

function counted(words: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].map(([word, count]) => `${count} ${word}`).join(', ');
}

function seconds(ms: number): string {
  return Number.isFinite(ms) ? `${(ms / 1000).toFixed(1)} s` : 'for ever';
}
