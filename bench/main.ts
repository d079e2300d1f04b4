// `npm run bench`: what tcw promises of its speed, measured. docs/benchmarks.md says how.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { breakdown } from './figures/breakdown.ts';
import { cancel } from './figures/cancel.ts';
import { claimCalls } from './figures/claim-calls.ts';
import type { Figure } from './figures/figure.ts';
import { footprint } from './figures/footprint.ts';
import { log } from './figures/log.ts';
import { pool } from './figures/pool.ts';
import { single } from './figures/single.ts';
import { describeMachine, inWords } from './report/machine.ts';
import type { Row } from './report/row.ts';
import { table } from './report/table.ts';
import { withSetting } from './setting/setting.ts';

const FIGURES: readonly Figure[] = [single, pool, claimCalls, cancel, log, footprint, breakdown];
const NAMES = FIGURES.map(({ name }) => name);

const HELP = `npm run bench -- [options]

  --quick      fewer samples: done within a minute
  --only NAME  a part of it: ${NAMES.join(', ')}; may be given again
  --json FILE  write the rows, with what they were taken from, and the machine
  --strict     exit 1 when a goal is missed
`;

async function main(words: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: NAMES },
      json: { type: 'string' },
      strict: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const unknown = values.only.filter(name => !NAMES.includes(name));
  if (unknown.length > 0)
    throw new Error(`--only ${unknown.join(', ')}: it must be one of ${NAMES.join(', ')}`);

  const startedMs = performance.now();
  const say = (text: string) => {
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1).padStart(6);
    process.stderr.write(`${seconds} s  ${text}\n`);
  };
  const { rows, machine } = await withSetting({ quick: values.quick, say }, async setting => {
    const machine = await describeMachine(setting.pulseUrl);
    const rows: Row[] = [];
    for (const figure of FIGURES) {
      if (values.only.includes(figure.name)) rows.push(...(await figure.measure(setting)));
    }
    return { rows, machine };
  });
  say('done');
  process.stdout.write(`\n${inWords(machine)}\n\n${table(rows)}`);
  if (values.json !== undefined) {
    // Each row stands for itself, so that those of several machines can be put together.
    const complete = rows.map(row => ({ ...row, quick: values.quick, machine }));
    await writeFile(values.json, `${JSON.stringify(complete, null, 2)}\n`);
  }
  return values.strict && rows.some(({ met }) => met === false) ? 1 : 0;
}

// The children and the folder go with the process, whatever ends it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  // Workers may still be there that would keep this process alive.
  process.exit(2);
}
