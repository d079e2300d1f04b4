// Uses caches like a worker with two slots, until it is killed. Arguments: the caches' folder and the runs' folder.
// Each run writes the same number into two files of its cache. If they differ, the cache was not returned properly.
import { mkdir, writeFile } from 'node:fs/promises';
import { openCaches } from '../../../src/worker/stores/index.ts';

const [dir = '', tasks = ''] = process.argv.slice(2);
const { signal } = new AbortController();
const log = { info: () => undefined, warn: () => undefined };
const caches = await openCaches(dir, { capacity: 2, emit: () => undefined });
let runs = 0;
const slot = async (): Promise<never> => {
  for (;;) {
    const home = `${tasks}/run-${process.pid}-${++runs}`;
    const makeParent = () => mkdir(home);
    const cache = await caches.take(`cache-${runs % 3}`, `${home}/cache`, { log, signal, makeParent });
    await writeFile(`${cache.path}/one`, String(runs));
    await mkdir(`${cache.path}/deep/er`, { recursive: true });
    await writeFile(`${cache.path}/deep/er/two`, String(runs));
    const number = String(runs);
    await writeFile(`${cache.path}/one`, number);
    await writeFile(`${cache.path}/deep/er/two`, number);
    await cache.keep(signal);
    if (runs === 20) process.stdout.write('going\n');
  }
};
await Promise.all([slot(), slot()]);
