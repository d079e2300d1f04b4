// Writes 50 MB to a log with a limit of 20 MB, and prints the peak of its memory in bytes. A separate process, so that
// nothing else uses memory. The argument is a folder.
import { once } from 'node:events';
import { openTaskLog } from '../../src/worker/task-log/task-log.ts';

const MB = 1024 * 1024;

const [folder = ''] = process.argv.slice(2);
const chunk = Buffer.alloc(64 * 1024, 'line\n');
const log = await openTaskLog({ folders: [folder], name: 'task.log', secrets: () => [], maxBytes: 20 * MB });
const atRest = process.memoryUsage().arrayBuffers;
let most = 0;
const write = log.handle.write.bind(log.handle) as (...args: unknown[]) => unknown;
Object.assign(log.handle, {
  write: (...args: unknown[]) => {
    most = Math.max(most, process.memoryUsage().arrayBuffers - atRest);
    return write(...args);
  },
});
for (let passed = 0; passed < 50 * MB; passed += chunk.length) {
  if (!log.output.write(chunk)) await once(log.output, 'drain');
}
await log.end();
await log.remove();
process.stdout.write(String(most));
