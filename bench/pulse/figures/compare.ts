import { median } from '../../report/statistics.ts';
import { row, type Row } from '../../report/row.ts';
import { CONTENDERS, type ContenderName } from '../job.ts';

/** The result of one round with one library. */
export interface Round {
  readonly perSecond: number;
  /** The CPU time of the client's process for each message, in µs. */
  readonly cpuMicros: number;
}

/** Runs rounds of all libraries in turn, so that a temporary slowdown of the machine affects all of them. */
export async function interleaved<Name extends string>(
  names: readonly Name[],
  rounds: number,
  measure: (name: Name) => Promise<Round>,
): Promise<Readonly<Record<Name, Round>>> {
  const all = new Map<Name, Round[]>(names.map(name => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of names) all.get(name)?.push(await measure(name));
  }
  return Object.fromEntries(
    [...all].map(([name, measured]) => [
      name,
      {
        perSecond: median(measured.map(({ perSecond }) => perSecond)),
        cpuMicros: median(measured.map(({ cpuMicros }) => cpuMicros)),
      },
    ]),
  ) as Record<Name, Round>;
}

/** Returns rows for tcw compared with the best of the others, and one row for each of the others. */
export function comparison(
  title: string,
  rounds: Readonly<Record<ContenderName, Round>>,
  goal: { readonly speed: number; readonly cpu: number },
): Row[] {
  const others = CONTENDERS.filter(name => name !== 'tcw');
  const fastest = Math.max(...others.map(name => rounds[name].perSecond));
  const leanest = Math.min(...others.map(name => rounds[name].cpuMicros));
  return [
    ...CONTENDERS.map(name => row(`${title}: ${name}`, 'messages/s', rounds[name].perSecond, undefined)),
    row(`${title}: tcw, of the fastest other`, 'times', rounds.tcw.perSecond / fastest, undefined, {
      atLeast: goal.speed,
    }),
    ...CONTENDERS.map(name =>
      row(`${title}: ${name}, client's CPU a message`, 'µs', rounds[name].cpuMicros, undefined),
    ),
    row(`${title}: tcw, CPU of the leanest other's`, 'times', rounds.tcw.cpuMicros / leanest, undefined, {
      atMost: goal.cpu,
    }),
  ];
}
