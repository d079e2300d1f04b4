/**
 * A worker of the smallest kind, to be killed by a test, or to be another user than the test.
 *
 *   TCW_TEST_LINE=<line of shell> node worker-process.ts <folder> <options of nativeEngine as JSON>
 *
 * The line is not among the arguments, for tests look there for what the line starts.
 * It prints which containment it has as a line of JSON, runs the line in a sandbox, and stops the sandbox when its
 * standard input ends; then it prints how the command ended, and ends.
 */
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { nativeEngine, type NativeEngineOptions } from '../../src/worker/engines/native/index.ts';

const [folder = '/', options = '{}'] = process.argv.slice(2);
const line = process.env.TCW_TEST_LINE ?? '';
const given = JSON.parse(options) as NativeEngineOptions;
// What it leaves when it is killed goes with the test's folder.
const engine = await nativeEngine({ fifoFolder: folder, ...given });
const { containment, fallbackReason, unlimitedReason } = engine;
process.stdout.write(`${JSON.stringify({ containment, fallbackReason, unlimitedReason })}\n`);

const sandbox = await engine.open(folder);
const chunks: Buffer[] = [];
const output = new Writable({
  write(chunk: Buffer, _encoding, done) {
    // It is only lent.
    chunks.push(Buffer.from(chunk));
    done();
  },
});
const run = sandbox.run({ argv: ['sh', '-c', line], env: { PATH: '/usr/bin:/bin' }, output });
process.stdin.resume();
await once(process.stdin, 'end');
await sandbox.stop(60_000);
const { exitCode } = await run;
await sandbox.close();
process.stdout.write(`${JSON.stringify({ exitCode, output: Buffer.concat(chunks).toString() })}\n`);
