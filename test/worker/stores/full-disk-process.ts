// Keeps and takes a cache. The caches' folder or the runs' folder is on a disk that is too small for another copy.
// Arguments: the caches' folder, the runs' folder, the size of the cache in bytes, and a file that fills the disk.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { openCaches } from '../../../src/worker/stores/index.ts';
import { shortageOf } from '../../../src/worker/shortage.ts';

const [dir = '', tasks = '', bytes = '', ballast = ''] = process.argv.slice(2);
const { signal } = new AbortController();
const lines: string[] = [];
const log = { info: (line: string) => void lines.push(line), warn: (line: string) => void lines.push(line) };
const told: string[] = [];
const caches = await openCaches(dir, { capacity: 2, emit: ({ type }) => void told.push(type) });
let runs = 0;
const take = () => {
  const home = `${tasks}/run-${++runs}`;
  return caches.take('x', `${home}/cache`, { log, signal, makeParent: () => mkdir(home) });
};
const fill = async () => {
  for (let i = 0; ; i++) {
    try {
      await writeFile(`${ballast}-${i}`, Buffer.alloc(64 * 1024, 1));
    } catch {
      return;
    }
  }
};
const empty = async () => {
  const folder = ballast.slice(0, ballast.lastIndexOf('/'));
  for (const name of await readdir(folder)) if (name.startsWith('ballast')) await rm(`${folder}/${name}`);
};
const write = (path: string) => writeFile(`${path}/large`, Buffer.alloc(Number(bytes), 7));

// The disk is full when the cache should be kept.
const first = await take();
await write(first.path);
await fill();
await first.keep(signal);
const keptOnFullDisk = caches.unused().length;
const leftInFull = (await readdir(dir)).filter(name => /^(cache|gone)-/.test(name)).length;
await empty();
// The disk is full when the cache should be taken.
const second = await take();
if (second.isNew) await write(second.path);
await second.keep(signal);
const keptWithRoom = caches.unused().length;
await fill();
let outcome: string | undefined = 'taken';
try {
  const cache = await take();
  if (cache.isNew) outcome = 'new';
  await empty();
  await cache.keep(signal);
} catch (error) {
  outcome = shortageOf(error);
  await empty();
}
const third = await take();
const content = await readFile(`${third.path}/large`);
await third.keep(signal);
await caches[Symbol.asyncDispose]();
const whole = content.length === Number(bytes) && content.every(byte => byte === 7);
process.stdout.write(
  JSON.stringify({
    lines,
    told,
    keptOnFullDisk,
    leftInFull,
    keptWithRoom,
    outcome,
    isNew: third.isNew,
    whole,
  }),
);
