import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFailed, onTestFinished } from 'vitest';
import { start } from '../../cli/tcw.ts';
import { PATIENCE_MS } from '../../patience.ts';

/** What start-worker offers, always. */
const OFFERED = ['error-report', 'graceful-termination', 'log', 'new-credentials', 'shutdown'];

export interface Said {
  readonly type: string;
  readonly [key: string]: unknown;
}

export interface PlayOptions {
  /** The settings that it writes for the worker, beside those that it always writes. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Where it writes them. */
  readonly folder: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly capabilities?: readonly string[];
  /** Whether it never says welcome. */
  readonly isSilent?: true;
  /** Starts the worker. */
  readonly before?: readonly string[];
}

/**
 * start-worker, as its source says it behaves (tools/worker-runner of Taskcluster 106): writes the worker's configuration, starts it with
 * pipes for standard input and output, and says welcome. It dies with the test.
 */
export async function playRunner(options: PlayOptions) {
  const { config, folder, environment, capabilities = OFFERED, before = [], isSilent } = options;
  const file = join(folder, 'worker-config.json');
  await writeFile(file, JSON.stringify(config, undefined, 2), { mode: 0o600 });
  await chmod(file, 0o600);
  const child = start(['run', '--config', file, '--with-worker-runner'], {
    before,
    ...(environment && { environment }),
    input: '',
    inputStaysOpen: true,
  });
  const { stdin, stdout, stderr } = child;
  if (!stdin || !stdout || !stderr) throw new Error('the worker has no pipes');
  stdin.on('error', () => undefined);
  const messages: Said[] = [];
  const text: string[] = [];
  createInterface({ input: stdout }).on('line', line => {
    if (/^~\{.*\}$/.test(line)) messages.push(JSON.parse(line.slice(1)) as Said);
    else text.push(line);
  });
  let errors = '';
  stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  onTestFailed(() => {
    console.error(errors, messages.map(message => JSON.stringify(message)).join('\n'));
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const say = (message: Said) => {
    stdin.write(`~${JSON.stringify(message)}\n`);
  };
  if (!isSilent) say({ type: 'welcome', capabilities });
  const ofType = (type: string) => messages.filter(message => message.type === type);
  const logged = () => ofType('log').map(({ body }) => body as Readonly<Record<string, unknown>>);
  return {
    child,
    exited,
    say,
    /** Writes bytes that need not be a message. */
    write: (bytes: string | Buffer) => stdin.write(bytes),
    /** As at the end of the runner's process. */
    end: () => {
      stdin.destroy();
      stdout.destroy();
    },
    messages,
    /** Lines on standard output that are no messages. */
    text,
    ofType,
    logged,
    stderr: () => errors,
    /** Waits for a line of the log. */
    logs: (textPayload: string | RegExp, fields: object = {}) =>
      expect
        .poll(logged, { timeout: PATIENCE_MS })
        .toContainEqual(
          expect.objectContaining({ textPayload: expect.stringMatching(textPayload) as unknown, ...fields }),
        ),
  };
}
