/**
 * A minimal worker that a test can kill, or run as another user than its own.
 *
 *   TCW_TEST_LINE=<line of shell> TCW_TEST_SETTINGS=<JSON> node worker-process.ts <folder>
 *
 * Neither is passed as an argument, because tests search processes' arguments for those that the line starts.
 * The worker prints its containment as a line of JSON, and runs the line in a sandbox. When its standard input ends, it
 * stops the sandbox, prints how the command ended, and exits.
 */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { nativeEngine } from '../../src/worker/engines/native/index.ts';
import { connectionOf } from '../../src/worker/engines/connection.ts';
import type { WorkerSettings } from './native-worker.ts';
import { runFolderAt } from '../run-folder-at.ts';

const [folder = '/'] = process.argv.slice(2);
const line = process.env.TCW_TEST_LINE ?? '';
const {
  argv = ['sh', '-c', line],
  env = { PATH: '/usr/bin:/bin' },
  graceMs = 60_000,
  toItsEnd,
  more = 0,
  peers = false,
  ...given
} = JSON.parse(process.env.TCW_TEST_SETTINGS ?? '{}') as WorkerSettings;
const engine = await nativeEngine(given);
const { containment, fallbackReason, unlimitedReason } = engine;
const capabilities = [...engine.capabilities];
process.stdout.write(`${JSON.stringify({ containment, fallbackReason, unlimitedReason, capabilities })}\n`);

const sandbox = await engine.open({ home: runFolderAt(folder) });
const chunks: Buffer[] = [];
const output = new Writable({
  write(chunk: Buffer, _encoding, done) {
    // The chunk's memory is reused.
    chunks.push(Buffer.from(chunk));
    done();
  },
});
const server = createServer();
if (peers) await once(server.listen(0, '127.0.0.1'), 'listening');
const port: Record<string, string> = peers ? { PORT: String((server.address() as AddressInfo).port) } : {};
const run = sandbox.run({ argv, env: { ...env, ...port }, output });
const accepted = once(server, 'connection') as Promise<[Socket]>;
process.stdin.resume();
await once(process.stdin, 'end');
if (toItsEnd) await run;
const result: { failure?: string; more?: number; usage?: unknown } = {};
if (peers) result.usage = await tellPeer();
if (more > 0) result.more = await runMore(more);
try {
  await sandbox.stop(graceMs);
  await sandbox.close();
} catch (error) {
  result.failure = (error as Error).message;
}
const { exitCode } = await run;
const text = Buffer.concat(chunks).toString();
process.stdout.write(`${JSON.stringify({ exitCode, output: text, ...result })}\n`);

/** Tells the command whether its connection belongs to the run. @returns the run's usage */
async function tellPeer(): Promise<unknown> {
  const [socket] = await accepted;
  const connection = connectionOf(socket);
  const isPeer = connection && (await sandbox.isPeer(connection));
  const usage = await sandbox.usage();
  socket.end(String(isPeer));
  // The command ends with the connection.
  await run;
  server.close();
  return usage;
}

/** Runs more commands. A task can prevent its own later commands from starting. */
async function runMore(most: number): Promise<number> {
  for (let count = 0; count < most; count++) {
    const sink = new Writable({ write: (_chunk, _encoding, done) => done() });
    const ran = sandbox.run({ argv: ['true'], env, output: sink }).catch(() => undefined);
    if ((await Promise.race([ran, sleep(3_000, undefined)])) === undefined) return count;
  }
  return most;
}
