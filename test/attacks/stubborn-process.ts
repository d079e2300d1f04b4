/**
 * A worker of the smallest kind, for attacks by its tasks: another user than the test, or with mounts of its own.
 *
 *   TCW_TEST_LINES=<lines of shell as JSON> node stubborn-process.ts <folder>
 *
 * The lines are not among the arguments, for tests look there for what the lines start. It runs them in a sandbox of process groups, one after the other, and prints `{"pid":…}` for a start. At each line
 * that it reads it closes the sandbox, and prints how that went: `{}` or `{"error":…}`.
 */
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { nativeEngine } from '../../src/worker/engines/native/index.ts';
import { runFolderAt } from '../run-folder-at.ts';

const [folder = '/'] = process.argv.slice(2);
const lines = JSON.parse(process.env.TCW_TEST_LINES ?? '[]') as string[];
const say = (what: object) => process.stdout.write(`${JSON.stringify(what)}\n`);
const engine = await nativeEngine({ containment: 'process-group' });
const sandbox = await engine.open({ home: runFolderAt(folder) });
const output = new Writable({
  write: (chunk: Buffer, _encoding, done) => {
    process.stderr.write(chunk.toString());
    done();
  },
});
say({ pid: process.pid });

async function run(): Promise<void> {
  for (const line of lines)
    await sandbox.run({ argv: ['sh', '-c', line], env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin' }, output });
}
const running = run().catch(() => undefined);

for await (const _ of createInterface(process.stdin)) {
  let error: string | undefined;
  try {
    await sandbox.close();
  } catch (problem) {
    error = (problem as Error).message;
  }
  say({ error });
}
await running;
await engine.close?.();
