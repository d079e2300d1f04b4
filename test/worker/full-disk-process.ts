// Writes a log that is too long for its disk, and prints the result. Arguments: a folder on that disk, the number of
// lines, and optionally a file on the disk that is removed before the log ends.
import { readFile, rm } from 'node:fs/promises';
import { openTaskLog } from '../../src/worker/task-log/task-log.ts';

const [folder = '', lines = '', ballast] = process.argv.slice(2);
const log = await openTaskLog({ folders: [folder], name: 'task.log', secrets: () => [] });
let room = true;
for (let line = 0; line < Number(lines); line++) {
  if (!room) await new Promise(resolve => log.output.once('drain', resolve));
  room = log.output.write(`line ${line}\n`);
}
if (ballast !== undefined) {
  await new Promise(resolve => log.output.write('', resolve));
  await new Promise(resolve => setTimeout(resolve, 200));
  await rm(ballast);
}
await log.end();
const text = await readFile(log.file, 'latin1');
process.stdout.write(JSON.stringify({ text, failure: log.failure?.message }));
await log.remove();
