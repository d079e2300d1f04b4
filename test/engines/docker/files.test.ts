import { describe, expect, it } from 'vitest';
import { closeSource } from '../../../src/worker/files/file-source.ts';
import { readWhole } from '../../../src/worker/files/read-whole.ts';
import type { TaskFiles } from '../../../src/worker/files/task-files.ts';
import { openSandbox } from './fixtures.ts';

/** The kind of a file at a path, and its content. */
async function read(files: TaskFiles, path: string) {
  const opened = await files.open(path);
  if (opened.kind !== 'file') return opened.kind;
  const content = (await readWhole(opened.source, opened.size, new AbortController().signal)).toString();
  await closeSource(opened.source);
  expect(opened.size).toBe(Buffer.byteLength(content));
  return { file: opened.file, content };
}

async function listed(files: TaskFiles, path: string): Promise<string[]> {
  const found: string[] = [];
  for await (const file of files.walk(path)) found.push(file);
  return found;
}

/** The files of a container after a line of shell has run in it. */
async function filesAfter(line: string, part = {}) {
  const { sandbox, shell } = await openSandbox(part);
  const { exitCode, text } = await shell(line);
  expect([exitCode, text]).toEqual([0, '']);
  await sandbox.close();
  return sandbox.files;
}

describe('a file of a container', () => {
  it('can be read after the container has ended, by its absolute path or relative to the working directory', async () => {
    const files = await filesAfter('mkdir -p /work/a && printf content >/work/a/file && : >/empty', {
      folder: '/work',
    });
    const found = { file: '/work/a/file', content: 'content' };
    expect(await read(files, '/work/a/file')).toEqual(found);
    expect(await read(files, 'a/file')).toEqual(found);
    expect(await read(files, 'a/../a//file')).toEqual(found);
    expect(await read(files, '/empty')).toEqual({ file: '/empty', content: '' });
    expect(await read(files, '/work/a/')).toBe('directory');
    expect(await read(files, '/')).toBe('directory');
    expect(await read(files, '/work/b')).toBe('missing');
    expect(await read(files, '/work/a/file/b')).toBe('missing');
    expect(await read(files, '../etc/passwd')).toBe('outside');
  });

  it('is found through links, but only inside the container', async () => {
    const files = await filesAfter(`
      mkdir -p /d && printf inside >/d/file && printf own >/etc/hostname-of-test
      ln -s /d /link && ln -s file /d/name && ln -s ../../../../../../../etc/hostname-of-test /d/up
      ln -s /nowhere /d/broken && ln -s loop /d/loop && ln -s /d/one /d/two && ln -s /d/two /d/one`);
    expect(await read(files, '/link/name')).toEqual({ file: '/d/file', content: 'inside' });
    // The root has no parent directory.
    expect(await read(files, '/d/up')).toEqual({ file: '/etc/hostname-of-test', content: 'own' });
    expect(await read(files, '/link')).toBe('directory');
    expect(await read(files, '/d/broken')).toBe('missing');
    for (const loop of ['/d/loop', '/d/one', '/d/loop/x']) {
      expect([loop, await read(files, loop)]).toEqual([loop, 'missing']);
    }
  });

  it('is not a pipe that would block, or a device of the machine', async () => {
    const files = await filesAfter(`
      mkfifo /pipe && mknod /null c 1 3 && mknod /disk b 8 0 && ln -s /pipe /to-pipe`);
    for (const path of ['/pipe', '/null', '/disk', '/to-pipe']) {
      expect([path, await read(files, path)]).toEqual([path, 'neither']);
    }
    // /proc is empty while nothing runs in the container.
    expect(await read(files, '/proc/1/environ')).toBe('missing');
  });

  it('has its content, whatever its size and name', async () => {
    const name = `${'long'.repeat(60)} ü\n\\ "'`;
    const { sandbox, run } = await openSandbox();
    const line = `mkdir /d && printf odd >"/d/$NAME" && head -c 5000000 /dev/zero >/d/large && ln /d/large /d/hard`;
    await run(['sh', '-c', line], { env: { PATH: '/bin', NAME: name } });
    expect(await read(sandbox.files, `/d/${name}`)).toEqual({ file: `/d/${name}`, content: 'odd' });
    const zeros = { content: '\0'.repeat(5_000_000) };
    expect(await read(sandbox.files, '/d/large')).toMatchObject(zeros);
    expect(await read(sandbox.files, '/d/hard')).toMatchObject(zeros);
    expect(await listed(sandbox.files, '/d')).toEqual(
      ['hard', 'large', name].sort().map(each => `/d/${each}`),
    );
  });

  it('is found behind a link to a very long and unusual path', async () => {
    const { sandbox, run } = await openSandbox();
    const name = '\u0001'.repeat(250);
    const line = `
      for i in 1 2 3 4 5 6 7 8 9 10 11 12; do mkdir "$NAME" && cd "$NAME"; WAY="$WAY/$NAME"; done
      printf deep >file && ln -s "$WAY/file" /link`;
    await run(['sh', '-c', line], { env: { PATH: '/bin', NAME: name } });
    expect(await read(sandbox.files, '/link')).toMatchObject({ content: 'deep' });
  });

  it('is that of the last command', async () => {
    const { sandbox, shell } = await openSandbox();
    expect(await sandbox.files.open('/file')).toEqual({ kind: 'missing' });
    expect(await listed(sandbox.files, '/file')).toEqual(['/file']);
    await shell('printf 1 >/file');
    await shell('printf 2 >/file');
    expect(await read(sandbox.files, '/file')).toMatchObject({ content: '2' });
  });
});

describe('a directory of a container', () => {
  it('is walked in order without following links, and files can be opened meanwhile', async () => {
    const files = await filesAfter(`
      mkdir -p /d/b/c /d/empty /elsewhere && : >/d/a && printf deep >/d/b/c/file && : >/d/b.txt && : >/d/z
      : >/elsewhere/file && ln -s /elsewhere /d/link && ln -s / /d/root && mkfifo /d/pipe && ln -s /d /to-d`);
    const all = ['a', 'b/c/file', 'b.txt', 'link', 'pipe', 'root', 'z'].map(name => `/d/${name}`);
    expect(await listed(files, '/d')).toEqual(all);
    expect(await listed(files, '/to-d')).toEqual(all.map(path => path.replace('/d/', '/to-d/')));
    const kinds: unknown[] = [];
    for await (const path of files.walk('/d')) kinds.push(await read(files, path));
    expect(kinds).toMatchObject([
      { content: '' },
      { content: 'deep' },
      { content: '' },
      'directory',
      'neither',
      'directory',
      { content: '' },
    ]);
  });

  it('may be the whole container, or missing', async () => {
    const files = await filesAfter(': >/zzz');
    const all = await listed(files, '/');
    expect(all).toContain('/zzz');
    expect(all).toContain('/bin/sh');
    expect(await listed(files, '/missing')).toEqual(['/missing']);
    expect(await listed(files, '/zzz')).toEqual(['/zzz']);
    expect(await listed(files, '/empty/../tmp')).toEqual([]);
  });

  it('may be abandoned in the middle of a walk', async () => {
    const files = await filesAfter('mkdir /d && for i in 1 2 3 4 5; do : >/d/$i; done');
    for await (const file of files.walk('/d')) {
      expect(file).toBe('/d/1');
      break;
    }
    expect(await read(files, '/d/5')).toMatchObject({ content: '' });
  });

  it('may contain many files', async () => {
    const { sandbox, shell } = await openSandbox();
    await shell('mkdir /d && cd /d && seq 20000 | xargs touch');
    expect(await listed(sandbox.files, '/d')).toHaveLength(20_000);
  });
});
