import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { suggestion } from '../src/base/index.ts';
import { inWords, type Machine } from './report/machine.ts';
import type { Row } from './report/row.ts';
import { table } from './report/table.ts';

/** A part of a benchmark. */
interface Part<Setting> {
  readonly name: string;
  measure(setting: Setting): Promise<Row[]>;
}

/** The options of the setting, from the command line. */
export interface SettingOptions {
  readonly quick: boolean;
  /** The number of workers, if the benchmark lets the user choose it. */
  readonly workers: number | undefined;
  /** Prints the progress for the user. */
  readonly say: (text: string) => void;
}

export interface Benchmark<Setting> {
  /** The name of the npm script: `bench`. */
  readonly script: string;
  readonly figures: readonly Part<Setting>[];
  /** Whether the number of workers can be chosen, with `--workers`. */
  readonly hasWorkers?: true;
  /** Creates the setting, runs the callback with it, and always removes it. */
  readonly withSetting: <Result>(
    options: SettingOptions,
    use: (setting: Setting) => Promise<Result>,
  ) => Promise<Result>;
  readonly describe: (setting: Setting) => Promise<Machine>;
}

/** Runs a benchmark as a program: reads its command line, prints its table, and ends the process. */
export async function runBenchmark<Setting>(benchmark: Benchmark<Setting>): Promise<void> {
  // The child processes and the folder are removed with this process, however it ends.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  try {
    process.exitCode = await run(benchmark, process.argv.slice(2));
  } catch (error) {
    const what =
      error instanceof Error && !isMistake(error) ? (error.stack ?? error.message) : messageOf(error);
    process.stderr.write(`${benchmark.script}: ${what}\n`);
    // Remaining workers would keep this process alive.
    process.exit(2);
  }
}

/** A mistake on the command line. It is reported without a stack. */
class Mistake extends Error {}

/** Whether an error describes the command line: ours, or one of Node's `parseArgs`. */
function isMistake(error: Error): boolean {
  return error instanceof Mistake || ('code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_'));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function run<Setting>(
  { script, figures, hasWorkers, withSetting, describe }: Benchmark<Setting>,
  words: readonly string[],
): Promise<number> {
  const names = figures.map(({ name }) => name);
  const { values } = parseArgs({
    args: [...words],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: names },
      json: { type: 'string' },
      ...(hasWorkers && { workers: { type: 'string' } as const }),
      strict: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(
      help(script, names, hasWorkers ? '  --workers N  how many workers there are\n' : ''),
    );
    return 0;
  }
  const unknown = values.only.find(name => !names.includes(name));
  if (unknown !== undefined)
    throw new Mistake(`--only "${unknown}" must be one of ${names.join(', ')}${suggestion(unknown, names)}`);

  const startedMs = performance.now();
  const say = (text: string) => {
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1).padStart(6);
    process.stderr.write(`${seconds} s  ${text}\n`);
  };
  const workers = workersOf((values as { readonly workers?: string }).workers);
  const { rows, machine } = await withSetting({ quick: values.quick, workers, say }, async setting => {
    const machine = await describe(setting);
    const rows: Row[] = [];
    for (const figure of figures) {
      if (values.only.includes(figure.name)) rows.push(...(await figure.measure(setting)));
    }
    return { rows, machine };
  });
  say('done');
  process.stdout.write(`\n${inWords(machine)}\n\n${table(rows)}`);
  if (values.json !== undefined) {
    // Each row is complete in itself, so that rows of several machines can be combined.
    const complete = rows.map(row => ({ ...row, quick: values.quick, machine }));
    await writeFile(values.json, `${JSON.stringify(complete, null, 2)}\n`);
  }
  return values.strict && rows.some(({ met }) => met === false) ? 1 : 0;
}

function workersOf(word: string | undefined): number | undefined {
  if (word === undefined) return undefined;
  const workers = Number(word);
  if (!Number.isSafeInteger(workers) || workers < 2)
    throw new Mistake(`--workers "${word}" must be a whole number of at least 2`);
  return workers;
}

function help(script: string, names: readonly string[], more: string): string {
  return `npm run ${script} -- [options]

  --quick      fewer samples: a first look
  --only NAME  a part of it: ${names.join(', ')}; may be given again
  --json FILE  write the rows, with what they were taken from, and the machine
  --strict     exit 1 when a goal is missed
${more}`;
}
