import {
  chmod,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { TaskError } from '../../../src/worker/outcome.ts';
import { openCaches } from '../../../src/worker/stores/index.ts';
import { waitFor } from '../../wait-for.ts';
import { cachesUnderTest, folder, signal } from './caches-under-test.ts';

const isCache = (name: string) => /^(cache|gone)-/.test(name);
const cachesIn = async (dir: string) => (await readdir(dir)).filter(isCache);

describe('a cache', () => {
  it('is a new, empty directory at first, and is returned with the content that the run left', async () => {
    const { take, log, dir } = await cachesUnderTest();
    const first = await take('checkouts');
    expect(first).toMatchObject({ isNew: true, cacheName: 'checkouts' });
    expect(await readdir(first.path)).toEqual([]);
    expect((await stat(first.path)).mode & 0o777).toBe(0o700);
    await writeFile(join(first.path, 'file'), 'kept');
    await first.keep(signal);
    await expect(stat(first.path)).rejects.toThrow('ENOENT');

    const second = await take('checkouts');
    expect(second.isNew).toBe(false);
    expect(await readFile(join(second.path, 'file'), 'utf8')).toBe('kept');
    const id = `${dir}/cache-[\\w-]{22}`;
    const [one, two] = [first.path, second.path];
    const patterns = [
      `No existing writable directory cache 'checkouts' - creating ${id}`,
      `Creating directory ${one}`,
      `Preserving cache: Moving "${one}" to "${id}"`,
      `Moving existing writable directory cache checkouts from ${id} to ${two}`,
      `Creating directory ${dirname(two)}`,
    ];
    expect(log.lines).toHaveLength(patterns.length);
    for (const [at, pattern] of patterns.entries())
      expect(log.lines[at]).toMatch(new RegExp(`^\\[mounts\\] ${pattern}$`));
  });

  it('is the same directory after many runs, because nothing is copied on one file system', async () => {
    const { take } = await cachesUnderTest();
    const inodes = new Set<number>();
    for (let run = 0; run < 5; run++) {
      const cache = await take('one');
      inodes.add((await stat(cache.path)).ino);
      await cache.keep(signal);
    }
    expect(inodes.size).toBe(1);
  });

  it('has one owner at a time, and one copy for each slot', async () => {
    const { take, dir } = await cachesUnderTest({ capacity: 2 });
    const [a, b, c] = [await take('x'), await take('x'), await take('x')];
    for (const [name, cache] of Object.entries({ a, b, c })) await writeFile(join(cache.path, name), '');
    for (const cache of [a, b, c]) {
      expect(cache.isNew).toBe(true);
      await cache.keep(signal);
      await new Promise(resolve => setTimeout(resolve, 5));
    }
    // Two slots need no more than two copies, so the oldest was removed.
    await waitFor(async () => {
      expect(await cachesIn(dir)).toHaveLength(2);
    });
    expect(await readdir((await take('x')).path)).toEqual(['c']);
    expect(await readdir((await take('x')).path)).toEqual(['b']);
    expect((await take('x')).isNew).toBe(true);
  });

  it('is a separate directory for each of many simultaneous runs', async () => {
    const { take } = await cachesUnderTest({ capacity: 20 });
    for (let round = 0; round < 3; round++) {
      const taken = await Promise.all(Array.from({ length: 20 }, () => take('busy')));
      const inodes = await Promise.all(taken.map(async ({ path }) => (await stat(path)).ino));
      expect(new Set(inodes).size).toBe(20);
      await Promise.all(taken.map(cache => cache.keep(signal)));
    }
  });

  it('is removed when it is discarded, or when its owner is disposed of', async () => {
    const { take, log, dir } = await cachesUnderTest();
    const bad = await take('bad');
    const { path } = bad;
    await bad.discard();
    await bad.discard();
    await expect(stat(path)).rejects.toThrow('ENOENT');
    expect(log.lines.slice(-2)).toEqual([
      '[mounts] Removing cache bad from cache table',
      `[mounts] Deleting cache bad file(s) at ${path}`,
    ]);
    {
      await using cache = await take('bad');
      expect(cache.isNew).toBe(true);
    }
    expect(await cachesIn(dir)).toEqual([]);
    const kept = await take('bad');
    await kept.keep(signal);
    await kept[Symbol.asyncDispose]();
    expect(await cachesIn(dir)).toHaveLength(1);
    await expect(kept.keep(signal)).rejects.toThrow('given back already');
  });

  it('replaces only an empty directory', async () => {
    const { open, dir, tasks, log } = await cachesUnderTest();
    const caches = await open();
    const target = join(tasks, 'there');
    await mkdir(target);
    const cache = await caches.take('x', target, { log, signal });
    await writeFile(join(target, 'file'), '');
    await cache.keep(signal);
    const obstacles: Record<string, () => Promise<unknown>> = {
      'a file': () => writeFile(target, 'mine'),
      'a directory with something in it': async () => {
        await mkdir(target);
        await writeFile(join(target, 'mine'), '');
      },
      'a link': () => symlink(tasks, target),
      'a link to nothing': () => symlink('/nowhere', target),
    };
    for (const [what, put] of Object.entries(obstacles)) {
      await put();
      const before = await lstat(target);
      const refused = caches.take('x', target, { log, signal });
      await expect(refused, what).rejects.toThrow(
        new TaskError('task-failed', `cannot mount cache "x" at path ${target}: it already exists`),
      );
      await expect(caches.take('other', target, { log, signal }), what).rejects.toThrow(TaskError);
      expect((await lstat(target)).ino, what).toBe(before.ino);
      await rm(target, { recursive: true });
    }
    // The cache still exists for the next run.
    expect(await cachesIn(dir)).toHaveLength(1);
    expect((await caches.take('x', target, { log, signal })).isNew).toBe(false);
  });

  it('is kept even if the task has removed all permissions', async () => {
    const { take } = await cachesUnderTest();
    const cache = await take('locked');
    await writeFile(join(cache.path, 'file'), '');
    await chmod(cache.path, 0o000);
    await cache.keep(signal);
    const again = await take('locked');
    expect(again.isNew).toBe(false);
  });

  it('has a distinct directory for each name, whatever characters it contains', async () => {
    const { take, open } = await cachesUnderTest();
    const names = ['a', 'A', 'ä', '../../x', 'a/b', 'line\nbreak', '__proto__', '\u2028', '\ud800', ''];
    for (const [number, name] of names.entries()) {
      const cache = await take(name);
      expect(cache.isNew, name).toBe(true);
      await writeFile(join(cache.path, String(number)), '');
      await cache.keep(signal);
    }
    await open();
    for (const [number, name] of names.entries())
      expect(await readdir((await take(name)).path), name).toEqual([String(number)]);
  });
});

describe('a malicious task', () => {
  it.each(['a link to another directory', 'another directory', 'a file', 'nothing'])(
    'fails if it leaves %s in place of its cache',
    async what => {
      const { take, dir, log } = await cachesUnderTest();
      const outside = await folder();
      await writeFile(join(outside, 'precious'), '');
      const cache = await take('x');
      await rename(cache.path, `${cache.path}-moved`);
      if (what.startsWith('a link')) await symlink(outside, cache.path);
      if (what === 'another directory') await mkdir(join(cache.path, 'inner'), { recursive: true });
      if (what === 'a file') await writeFile(cache.path, '');
      await expect(cache.keep(signal)).rejects.toThrow(
        new TaskError('task-failed', `could not persist cache "x" due to ${cache.path} is not the cache`),
      );
      expect(await cachesIn(dir)).toEqual([]);
      expect(await readdir(outside)).toEqual(['precious']);
      expect(log.lines).toContain('[mounts] Removing cache x from cache table');
      expect((await take('x')).isNew).toBe(true);
    },
  );

  it('cannot have a foreign directory removed through a link in the path of its cache', async () => {
    const { take, tasks } = await cachesUnderTest();
    const outside = await folder();
    await mkdir(join(outside, 'cache'));
    await writeFile(join(outside, 'cache', 'precious'), '');
    const cache = await take('x');
    await rename(dirname(cache.path), join(tasks, 'aside'));
    await symlink(outside, dirname(cache.path));
    await expect(cache.keep(signal)).rejects.toThrow(TaskError);
    await cache.discard();
    expect(await readdir(join(outside, 'cache'))).toEqual(['precious']);
  });

  it.each(['a link', 'another directory', 'a file', 'nothing'])(
    'gets a new cache if %s is in the place of the old one',
    async what => {
      const { take, dir, log } = await cachesUnderTest();
      const outside = await folder();
      await writeFile(join(outside, 'precious'), '');
      await (await take('x')).keep(signal);
      const [id = ''] = await cachesIn(dir);
      await rename(join(dir, id), join(dir, 'aside'));
      if (what === 'a link') await symlink(outside, join(dir, id));
      if (what === 'another directory') await mkdir(join(dir, id));
      if (what === 'a file') await writeFile(join(dir, id), '');
      const cache = await take('x');
      expect(cache.isNew).toBe(true);
      expect(await readdir(cache.path)).toEqual([]);
      expect(log.lines.join('\n')).toContain(`${id} is not the cache: somebody has replaced it`);
      await waitFor(async () => {
        expect(await cachesIn(dir)).toEqual([]);
      });
      expect(await readdir(outside)).toEqual(['precious']);
    },
  );

  it('cannot store a cache in a folder that replaced the folder of caches', async () => {
    const { take, dir, log } = await cachesUnderTest();
    const outside = await folder();
    const cache = await take('x');
    await rename(dir, `${dir}-aside`);
    await symlink(outside, dir);
    await cache.keep(signal);
    expect(log.lines.join('\n')).toContain('Could not preserve cache x: the folder of caches was replaced');
    expect(await readdir(outside)).toEqual([]);
  });

  it('cannot forge the index of caches', async () => {
    const { take, open, dir, events } = await cachesUnderTest();
    const outside = await folder();
    await writeFile(join(outside, 'precious'), '');
    await (await take('good')).keep(signal);
    const [id = ''] = await cachesIn(dir);
    const table = join(dir, 'tcw-caches.json');
    const { ino } = await stat(join(dir, id));
    const line = (entry: object) =>
      JSON.stringify({ id, cacheName: 'evil', ino: String(ino), createdMs: 1, lastUsedMs: 1, ...entry });
    await symlink(outside, join(dir, 'cache-aaaaaaaaaaaaaaaaaaaaaa'));
    const lines = [
      'null',
      '[]',
      '{',
      '"text"',
      line({ id: '../x' }),
      line({ id: outside }),
      line({ id: 'cache-aaaaaaaaaaaaaaaaaaaaaa', ino: String((await stat(outside)).ino) }),
      line({ id: 'cache-bbbbbbbbbbbbbbbbbbbbbb' }),
      line({ ino: '1' }),
      line({ ino: 'x' }),
      line({ cacheName: 7 }),
      line({ createdMs: 'now' }),
      line({ lastUsedMs: -1 }),
      line({ cacheName: 'mine', createdMs: 9e15, lastUsedMs: 9e15 }),
    ];
    await writeFile(table, lines.join('\n'));
    const caches = await open();
    expect(caches.unused()).toMatchObject([{ description: 'cache mine' }]);
    expect(caches.unused()[0]?.lastUsedMs).toBeLessThanOrEqual(Date.now());
    expect(await readdir(outside)).toEqual(['precious']);
    expect(events).toMatchObject([
      { type: 'caches-swept', names: ['cache-aaaaaaaaaaaaaaaaaaaaaa', 'cache-bbbbbbbbbbbbbbbbbbbbbb'] },
    ]);

    for (const put of [
      () => mkdir(table),
      () => symlink('/dev/zero', table),
      () => writeFile(table, Buffer.alloc(5_000_000, 0x7b)),
    ]) {
      await rm(table, { recursive: true });
      await put();
      expect((await open()).unused()).toEqual([]);
    }
  });
});

describe('a worker that restarts', () => {
  it('finds the caches that were given back, and removes the others', async () => {
    const { take, open, dir, events } = await cachesUnderTest();
    await (await take('kept')).keep(signal);
    const [kept = ''] = await cachesIn(dir);
    // Left by a worker that died in the middle of an operation.
    for (const name of [
      'cache-aaaaaaaaaaaaaaaaaaaaaa',
      'gone-aaaaaaaaaaaaaaaaaaaaaa',
      'my-important-documents',
    ])
      await mkdir(join(dir, name, 'inner'), { recursive: true });
    const caches = await open();
    expect(caches.unused()).toMatchObject([{ description: 'cache kept' }]);
    expect(events).toMatchObject([{ type: 'caches-swept', folder: dir }]);
    await waitFor(async () => {
      expect((await readdir(dir)).sort()).toEqual([
        kept,
        'my-important-documents',
        'tcw-alive',
        'tcw-caches.json',
      ]);
    });
  });

  it('discards a cache that was in use when its worker died', async () => {
    const { take, open, dir } = await cachesUnderTest();
    await (await take('x')).keep(signal);
    const [id = ''] = await cachesIn(dir);
    const cache = await take('x');
    // Even if somebody moves the folder back.
    await rename(cache.path, join(dir, id));
    expect((await open()).unused()).toEqual([]);
    expect((await take('x')).isNew).toBe(true);
  });

  it('forgets a cache whose directory is missing', async () => {
    const { take, open, dir } = await cachesUnderTest();
    await (await take('x')).keep(signal);
    const [id = ''] = await cachesIn(dir);
    await rm(join(dir, id), { recursive: true });
    expect((await open()).unused()).toEqual([]);
    expect(await readFile(join(dir, 'tcw-caches.json'), 'utf8')).toContain('"x"');
    await (await take('y')).keep(signal);
    expect(await readFile(join(dir, 'tcw-caches.json'), 'utf8')).not.toContain('"x"');
  });

  it('uses a separate folder while another worker is alive', async () => {
    const { take, dir, log, tasks } = await cachesUnderTest();
    await (await take('x')).keep(signal);
    const options = { capacity: 1, emit: () => undefined };
    {
      await using second = await openCaches(dir, options);
      await using third = await openCaches(dir, options);
      expect(second.folder).toBe(join(dir, 'worker-2'));
      expect(third.folder).toBe(join(dir, 'worker-3'));
      await using cache = await second.take('x', join(tasks, 'other'), { log, signal });
      expect(cache.isNew).toBe(true);
      await cache.keep(signal);
    }
    // The next worker finds the caches of the second.
    await using fourth = await openCaches(dir, options);
    expect(fourth.folder).toBe(join(dir, 'worker-2'));
    expect(fourth.unused()).toHaveLength(1);
    // A link does not count as a folder.
    await symlink(tasks, join(dir, 'worker-3.link'));
    await rm(join(dir, 'worker-3'), { recursive: true });
    await rename(join(dir, 'worker-3.link'), join(dir, 'worker-3'));
    await using fifth = await openCaches(dir, options);
    expect(fifth.folder).toBe(join(dir, 'worker-4'));
    expect(await readlink(join(dir, 'worker-3'))).toBe(tasks);
  });
});

it('releases the folder if it cannot be opened', async () => {
  const dir = await folder();
  await mkdir(join(dir, `cache-${'x'.repeat(22)}`));
  const emit = () => {
    throw new Error('nobody listens');
  };
  await expect(openCaches(dir, { capacity: 1, emit })).rejects.toThrow('nobody listens');
  await using next = await openCaches(dir, { capacity: 1, emit: () => undefined });
  expect(next.folder).toBe(dir);
});

it('takes over the caches of other workers that have ended', async () => {
  const { take, open, dir, log, tasks } = await cachesUnderTest({ capacity: 2 });
  const options = { capacity: 1, emit: () => undefined };
  const use = async (further: Awaited<ReturnType<typeof openCaches>>, name: string, target: string) => {
    const cache = await further.take(name, join(tasks, target), { log, signal });
    await writeFile(join(cache.path, target), '');
    await cache.keep(signal);
  };
  await (await take('x')).keep(signal);
  const second = await openCaches(dir, options);
  const third = await openCaches(dir, options);
  await use(second, 'x', 'second');
  await use(second, 'y', 'second');
  await use(third, 'x', 'third');
  await second[Symbol.asyncDispose]();
  // The third worker is alive.
  const caches = await open();
  expect(
    caches
      .unused()
      .map(({ description }) => description)
      .sort(),
  ).toEqual(['cache x', 'cache x', 'cache y']);
  expect(third.unused()).toHaveLength(1);
  expect(await readdir((await take('x')).path)).toEqual(['second']);
  expect(await readdir((await take('y')).path)).toEqual(['second']);
  await third[Symbol.asyncDispose]();
  await open();
  expect(await readdir((await take('x')).path)).toEqual(['third']);
});

it('provides only caches that it created, however quickly others replace them', async () => {
  const { take, dir } = await cachesUnderTest();
  const outside = await folder();
  await writeFile(join(outside, 'precious'), '');
  await (await take('x')).keep(signal);
  let isOver = false;
  let swaps = 0;
  const attack = async () => {
    while (!isOver) {
      for (const id of (await cachesIn(dir)).filter(name => name.startsWith('cache-'))) {
        const aside = join(dir, `aside-${++swaps}`);
        const swap = async () => {
          await rename(join(dir, id), aside);
          if (swaps % 2 === 0) await symlink(outside, join(dir, id));
          else await mkdir(join(dir, id));
        };
        await swap().catch(() => undefined);
      }
    }
  };
  const attacking = attack();
  onTestFinished(async () => {
    isOver = true;
    await attacking;
  });
  let given = 0;
  for (let run = 0; run < 60; run++) {
    try {
      const cache = await take('x');
      const found = await lstat(cache.path);
      expect(found.isDirectory()).toBe(true);
      // A new cache is empty, and a returned one has its previous content.
      expect(await readdir(cache.path)).toEqual(cache.isNew ? [] : ['mine']);
      given++;
      await writeFile(join(cache.path, 'mine'), '');
      await cache.keep(signal);
    } catch (error) {
      expect(error).toBeInstanceOf(TaskError);
    }
  }
  expect(given).toBeGreaterThan(0);
  expect(await readdir(outside)).toEqual(['precious']);
});

describe('a stopped run', () => {
  it('takes no cache, and leaves it to others', async () => {
    const { open, take, tasks, log, dir } = await cachesUnderTest();
    await (await take('x')).keep(signal);
    const caches = await open();
    const stop = new AbortController();
    const target = join(tasks, 'stopped');
    const taking = caches.take('x', target, {
      log,
      signal: stop.signal,
      makeParent: async () => {
        stop.abort(new Error('canceled'));
      },
    });
    await expect(taking).rejects.toThrow('canceled');
    await expect(caches.take('new', target, { log, signal: stop.signal })).rejects.toThrow('canceled');
    await expect(stat(target)).rejects.toThrow('ENOENT');
    expect(await cachesIn(dir)).toHaveLength(1);
    expect((await take('x')).isNew).toBe(false);
  });

  it('keeps no cache', async () => {
    const { take, dir } = await cachesUnderTest();
    const cache = await take('x');
    const stopped = AbortSignal.abort(new Error('canceled'));
    await expect(cache.keep(stopped)).rejects.toThrow('canceled');
    await expect(stat(cache.path)).rejects.toThrow('ENOENT');
    expect(await cachesIn(dir)).toEqual([]);
  });
});

describe('the list of unused caches', () => {
  it('has what no run uses, each of which can be removed once', async () => {
    const { take, open, dir } = await cachesUnderTest();
    const caches = await open();
    const [used, unused] = [await take('used'), await take('unused')];
    await unused.keep(signal);
    const [entry, ...others] = caches.unused();
    expect(entry).toMatchObject({ description: 'cache unused' });
    expect(others).toEqual([]);
    expect(await Promise.all([entry?.remove(), entry?.remove()])).toEqual([true, false]);
    expect(await cachesIn(dir)).toEqual([]);
    await used.keep(signal);
    const [second] = caches.unused();
    const again = await take('used');
    // A run took the cache before the collector could remove it.
    expect(await second?.remove()).toBe(false);
    expect((await stat(again.path)).isDirectory()).toBe(true);
  });
});

it('works even if the index cannot be written', async () => {
  const { dir, take, events } = await cachesUnderTest();
  await rm(join(dir, 'tcw-caches.json'), { force: true });
  await mkdir(join(dir, 'tcw-caches.json'));
  await (await take('x')).keep(signal);
  expect((await take('x')).isNew).toBe(false);
  expect(events.map(({ type }) => type)).toContain('caches-not-written-down');
});
