/**
 * Runs a command repeatedly, each time with fewer free descriptors. For each number of descriptors it prints a line of
 * JSON with the result and the number of descriptors that were lost.
 *
 *   node few-descriptors-process.ts <containment>
 */
import { closeSync, openSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Writable } from 'node:stream';
import { nativeEngine, type Containment } from '../../src/worker/engines/native/native-engine.ts';
import { runFolderAt } from '../run-folder-at.ts';

const [containment] = process.argv.slice(2);
const engine = await nativeEngine({ containment: containment as Containment });

async function run(): Promise<string> {
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  try {
    const sandbox = await engine.open({ home: runFolderAt('/') });
    try {
      const { exitCode } = await sandbox.run({ argv: ['true'], env: { PATH: '/usr/bin:/bin' }, output });
      return `exit code ${exitCode}`;
    } finally {
      await sandbox.close();
    }
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

const open = () => readdirSync('/proc/self/fd').length;

await run();
await sleep(50);
const before = open();
for (let left = 20; left >= 0; left--) {
  const taken: number[] = [];
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'));
  } catch {
    for (const descriptor of taken.splice(0, left)) closeSync(descriptor);
  }
  const ended = await run();
  for (const descriptor of taken) closeSync(descriptor);
  await sleep(20);
  process.stdout.write(`${JSON.stringify({ left, ended, lost: open() - before })}\n`);
}
