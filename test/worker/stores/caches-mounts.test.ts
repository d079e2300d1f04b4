import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { mountsIn } from '../../../src/worker/stores/caches-mounts.ts';
import { onSmallDisk, smallDisks } from '../small-disk.ts';
import { folder } from './caches-under-test.ts';

const MODULE = pathToFileURL(join(import.meta.dirname, '../../../src/worker/stores/index.ts')).href;
const MOUNTS = pathToFileURL(join(import.meta.dirname, '../../../src/worker/stores/caches-mounts.ts')).href;

/** Runs a program with a mount over a folder. */
async function withMount(mounted: string, program: string, ...words: string[]): Promise<unknown> {
  const node = [process.execPath, '--input-type=module', '-e', program, ...words];
  const { stdout } = await execa(...onSmallDisk(mounted, 10_000_000, node));
  return JSON.parse(stdout);
}

describe.runIf(smallDisks)('a mount point', () => {
  it.each(['inner', 'with space', 'back\\slash', 'ünï'])('in a directory is detected: %s', async name => {
    const home = await folder();
    const mounted = join(home, 'cache', name);
    await mkdir(mounted, { recursive: true });
    const program = `
      import { mountsIn } from ${JSON.stringify(MOUNTS)};
      const [, home] = process.argv;
      const at = await Promise.all(['cache', 'cach', 'other'].map(name => mountsIn(home + '/' + name)));
      console.log(JSON.stringify(at.map(found => found.map(path => Buffer.from(path, 'latin1').toString()))));`;
    expect(await withMount(mounted, program, home)).toEqual([[mounted], [], []]);
    expect(await mountsIn(join(home, 'cache'))).toEqual([]);
  });

  it('in a cache is not passed to later tasks', async () => {
    const home = await folder();
    const mounted = join(home, 'run', 'cache', 'inner');
    await mkdir(join(home, 'run'));
    // The mount is over the directory of a cache that was taken before.
    const program = `
      import { execFileSync } from 'node:child_process';
      import { mkdirSync } from 'node:fs';
      import { openCaches } from ${JSON.stringify(MODULE)};
      const [, home] = process.argv;
      const { signal } = new AbortController();
      const lines = [];
      const log = { info: () => undefined, warn: line => lines.push(line) };
      const caches = await openCaches(home + '/caches', { capacity: 1, emit: event => lines.push(event.type) });
      const cache = await caches.take('x', home + '/run/cache', { log, signal });
      mkdirSync(home + '/run/cache/inner');
      execFileSync('mount', ['-t', 'tmpfs', 'tcw-test', home + '/run/cache/inner']);
      await cache.keep(signal);
      console.log(JSON.stringify({ lines, unused: caches.unused().length }));
      await caches[Symbol.asyncDispose]();`;
    const elsewhere = await folder();
    expect(await withMount(elsewhere, program, home)).toEqual({
      lines: [`[mounts] Could not preserve cache x: something is mounted at ${mounted}`],
      unused: 0,
    });
  });
});

describe.runIf(smallDisks)('a small disk', () => {
  it('is freed of the caches that were used least recently', async () => {
    const disk = await folder();
    const program = `
      import { mkdirSync, writeFileSync } from 'node:fs';
      import { setTimeout } from 'node:timers/promises';
      import { diskCollector, openCaches } from ${JSON.stringify(MODULE)};
      const [, disk] = process.argv;
      const { signal } = new AbortController();
      const log = { info: () => undefined, warn: () => undefined };
      const emitted = [];
      const emit = event => emitted.push(event);
      const caches = await openCaches(disk + '/caches', { capacity: 2, emit });
      mkdirSync(disk + '/tasks');
      const collector = diskCollector({ tasksDir: disk + '/tasks', requiredBytes: 5_000_000, emit });
      collector.add(caches);
      const take = name => caches.take(name, disk + '/tasks/' + name, { log, signal });
      const fill = cache => writeFileSync(cache.path + '/file', Buffer.alloc(2_000_000, 1));
      const used = await take('used');
      fill(used);
      for (const name of ['old', 'middle', 'young']) {
        const cache = await take(name);
        fill(cache);
        await cache.keep(signal);
        await setTimeout(5);
      }
      // The one in use was used first, and is none of the collector's business.
      const first = await collector.makeRoom();
      const left = caches.unused().map(({ description }) => description);
      await used.keep(signal);
      writeFileSync(disk + '/ballast', Buffer.alloc(2_000_000, 1));
      const second = await collector.makeRoom();
      const last = caches.unused().map(({ description }) => description);
      const removed = emitted.map(event => [event.type, event.description, event.freedBytes >= 2_000_000]);
      console.log(JSON.stringify({ first, left, second, last, removed }));
      await caches[Symbol.asyncDispose]();`;
    const gone = (name: string) => ['store-entry-removed', `cache ${name}`, true];
    expect(await withMount(disk, program, disk)).toEqual({
      first: true,
      left: ['cache young'],
      second: true,
      last: ['cache used'],
      removed: [gone('old'), gone('middle'), gone('young')],
    });
  });
});
