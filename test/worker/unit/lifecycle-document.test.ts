import { readFile, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { EXIT_CODE_OF } from '../../../src/cli/run/worker-failure.ts';
import { CLAIMED, nextRunState, type RunEvent, type RunState } from '../../../src/worker/run/run-state.ts';
import { LOG_SECS, STOP_RULES, type StopReason } from '../../../src/worker/run/stop.ts';
import type { ExitReason } from '../../../src/worker/index.ts';
import {
  nextWorkerState,
  STARTING,
  type LifeEvent,
  type WorkerState,
} from '../../../src/worker/life/worker-state.ts';

const documentation = new URL('../../../docs/lifecycle.md', import.meta.url);

const EXIT_REASONS = Object.keys(EXIT_CODE_OF) as ExitReason[];
const STOP_REASONS = Object.keys(STOP_RULES) as StopReason[];

const WORKER_EVENTS: LifeEvent[] = [
  { type: 'pulse', up: true },
  { type: 'pulse', up: false },
  ...EXIT_REASONS.map(because => ({ type: 'drain' as const, because })),
  { type: 'drained' },
];
const RUN_EVENTS: RunEvent[] = [
  { type: 'prepare' },
  { type: 'run' },
  { type: 'upload' },
  { type: 'resolve', outcome: { result: 'completed' } },
  { type: 'end' },
  { type: 'cutoff' },
  ...STOP_REASONS.map(reason => ({ type: 'stop' as const, reason })),
];

interface Change {
  readonly from: string;
  readonly event: string;
  readonly to: string;
}

/** All transitions: for every reachable state, the result of each event, by phase. */
function changes<S extends { phase: string }, E extends { type: string }>(
  first: S,
  events: readonly E[],
  next: (state: S, event: E) => S,
): Change[] {
  const seen = new Map([[JSON.stringify(first), first]]);
  const found = new Map<string, Change>();
  for (const state of seen.values()) {
    for (const event of events) {
      const after = next(state, event);
      if (JSON.stringify(after) === JSON.stringify(state)) continue;
      const change = { from: state.phase, event: event.type, to: after.phase };
      found.set(Object.values(change).join(), change);
      // An iteration over a Map also visits entries that are added during the iteration.
      seen.set(JSON.stringify(after), after);
    }
  }
  return [...found.values()];
}

const worker = changes<WorkerState, LifeEvent>(STARTING, WORKER_EVENTS, nextWorkerState);
const run = changes<RunState, RunEvent>(CLAIMED, RUN_EVENTS, nextRunState);

/** Whether the diagram shows a change: only steps to the next phase and stops, which other changes would obscure. */
function isDrawn({ from, event, to }: Change): boolean {
  const phases = ['claimed', 'preparing', 'running', 'uploading', 'resolving', 'resolved'];
  return event === 'stop' || event === 'cutoff' || phases.indexOf(to) - phases.indexOf(from) === 1;
}

function diagram(start: string, drawn: readonly Change[], end: string): string {
  const lines = drawn.map(({ from, event, to }) => `    ${from} --> ${to}: ${event}`);
  return [
    '```mermaid',
    'stateDiagram-v2',
    `    [*] --> ${start}`,
    ...lines,
    `    ${end} --> [*]`,
    '```',
  ].join('\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map(row => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map(width => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

const WHY: Record<ExitReason, string> = {
  'tasks-complete': '`numberOfTasksToRun` tasks were run',
  idle: 'there was nothing to do for `idleTimeoutSecs`',
  'not-needed': 'worker-manager no longer needs the worker; running tasks are finished',
  stopped: 'SIGINT; running tasks are finished',
  shutdown: 'SIGTERM; running tasks are stopped',
  'out-of-service': 'every slot has processes that could not be ended, or the machine can run no more tasks',
};

const UPLOADED = {
  all: 'artifacts and log',
  rest: 'log, then artifacts and log',
  log: `log, within ${LOG_SECS} s`,
  none: 'nothing',
};

const PARTS: Record<string, string> = {
  'worker diagram': diagram('starting', worker, 'stopped'),
  'run diagram': diagram('claimed', run.filter(isDrawn), 'resolved'),
  'exit reasons': table(
    ['reason', 'exit code', 'when'],
    EXIT_REASONS.map(reason => [`\`${reason}\``, String(EXIT_CODE_OF[reason]), WHY[reason]]),
  ),
  'stop rules': table(
    ['reason', 'reported', 'reported first', 'uploaded', 'caches kept', 'last line of the log'],
    STOP_REASONS.map(reason => {
      const { report, reportFirst, artifacts, keepCaches, message } = STOP_RULES[reason];
      const yes = (is: boolean) => (is ? 'yes' : 'no');
      return [
        `\`${reason}\``,
        report,
        yes(reportFirst),
        UPLOADED[artifacts],
        yes(keepCaches),
        `\`${message}\``,
      ];
    }),
  ),
};

// With TCW_TEST_WRITE_DOCS=1, this rewrites these parts.
it.each(Object.keys(PARTS))('docs/lifecycle.md has the same %s as the code', async name => {
  const part = new RegExp(`(<!-- ${name}: begin.*?-->\n)(.*?)(<!-- ${name}: end -->)`, 's');
  const expected = `\n${PARTS[name] ?? ''}\n\n`;
  const text = await readFile(documentation, 'utf8');
  if (process.env.TCW_TEST_WRITE_DOCS === '1') {
    const written = text.replace(part, (_, begin: string, _old, end: string) => `${begin}${expected}${end}`);
    await writeFile(documentation, written);
    return;
  }
  expect(part.exec(text)?.[2]).toBe(expected);
});

it('docs/lifecycle.md describes every transition of the state machines, and no other', async () => {
  const text = await readFile(documentation, 'utf8');
  const rows = [...text.matchAll(/^\| (worker|run) +\| (\w+) +\| (\w+) +\| (\w+) +\| (.+?) +\|$/gm)];
  const documented = rows.map(([, of, from, event, to]) => [of, from, event, to].join(' '));
  const known = [
    ...worker.map(change => `worker ${Object.values(change).join(' ')}`),
    ...run.map(change => `run ${Object.values(change).join(' ')}`),
  ];
  expect(documented.sort()).toEqual(known.sort());
});
