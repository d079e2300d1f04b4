import { execFileSync } from 'node:child_process';
import {
  chmod,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { registrationStore } from '../../../src/pool/registration/index.ts';
import { readPrivateFile, replacementOf } from '../../../src/pool/registration/state/state-file.ts';
import { notes } from './joining.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tcw-state-'));
  file = join(folder, 'registration.json');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

type Write = (
  bytes: Buffer,
  from: number,
  length: number,
  at: number,
) => Promise<{ readonly bytesWritten: number }>;

describe('a private file', () => {
  it('is replaced atomically, and is readable only by its owner', async () => {
    for (const text of ['a long text that comes first', 'short']) {
      await using next = await replacementOf(file);
      await next.commit(text);
    }
    expect(await readFile(file, 'utf8')).toBe('short');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['registration.json']);
  });

  it('keeps its content if the disk accepts only a part of the next one', async () => {
    await writeFile(file, 'old', { mode: 0o600 });
    const next = await replacementOf(file);
    const handle = await open(file);
    const prototype = Object.getPrototypeOf(handle) as { write: Write };
    await handle.close();
    const { write } = prototype;
    let free = 100;
    // As write(2) has it on a disk that becomes full.
    const taking = vi.spyOn(prototype, 'write').mockImplementation(async function (
      this: unknown,
      bytes,
      from,
      length,
      at,
    ) {
      if (free === 0) throw new Error('no space left on device');
      const written = await Reflect.apply(write, this, [bytes, from, Math.min(free, length), at]);
      free -= written.bytesWritten;
      return written;
    });
    onTestFinished(() => {
      taking.mockRestore();
    });
    await expect(next.commit('x'.repeat(1_000))).rejects.toThrow('no space left');
    await next[Symbol.asyncDispose]();
    expect(await readFile(file, 'utf8')).toBe('old');
  });

  it('keeps its content if the next one is never completed', async () => {
    await writeFile(file, 'old', { mode: 0o600 });
    {
      await using _ = await replacementOf(file);
      expect(await readFile(file, 'utf8')).toBe('old');
    }
    expect(await readPrivateFile(file)).toEqual({ kind: 'text', text: 'old', wasReadable: false });
    expect(await readdir(folder)).toEqual(['registration.json']);
  });

  it('replaces whatever a crash, or somebody else, has left next to it', async () => {
    await symlink('/etc/passwd', `${file}.new`);
    await using next = await replacementOf(file);
    await next.commit('mine');
    expect(await readFile(file, 'utf8')).toBe('mine');
  });

  it('is not replaced by what another worker has prepared for the same file', async () => {
    {
      await using first = await replacementOf(file);
      await using second = await replacementOf(file);
      await expect(first.commit('first')).rejects.toThrow('another process writes to the same file');
      await second.commit('second');
    }
    expect(await readFile(file, 'utf8')).toBe('second');
    expect(await readdir(folder)).toEqual(['registration.json']);
  });

  it('leaves what another worker has prepared for the same file alone', async () => {
    const first = await replacementOf(file);
    await using second = await replacementOf(file);
    await first[Symbol.asyncDispose]();
    await second.commit('second');
    expect(await readFile(file, 'utf8')).toBe('second');
  });

  it('loses the permissions of other users', async () => {
    await writeFile(file, 'text');
    await chmod(file, 0o644);
    expect(await readPrivateFile(file)).toEqual({ kind: 'text', text: 'text', wasReadable: true });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('may be missing', async () => {
    expect(await readPrivateFile(file)).toEqual({ kind: 'none' });
  });

  it.each([
    ['a symbolic link', () => symlink('/etc/hostname', file), 'is a symbolic link'],
    ['a folder', () => mkdir(file), 'is not a regular file'],
    ['a pipe', async () => execFileSync('mkfifo', [file]), 'is not a regular file'],
    [
      'writable by others',
      async () => {
        await writeFile(file, '{}');
        await chmod(file, 0o622);
      },
      'can be written by other users',
    ],
    [
      'without an end',
      async () => {
        await writeFile(file, '', { mode: 0o600 });
        await truncate(file, 2 ** 40);
      },
      'is larger than 32 MB',
    ],
  ])('is refused if it is %s', async (_, make, problem) => {
    await make();
    expect(await readPrivateFile(file)).toEqual({ kind: 'unusable', problem });
  });
});

/** What the file contains, with some changes. */
const written = (changes: object) =>
  JSON.stringify({
    version: 1,
    identity: { rootUrl: 'r', providerId: 'p', workerPoolId: 'a/b', workerGroup: 'g', workerId: 'w' },
    provider: 'static',
    location: {},
    machine: {},
    metadata: {},
    expires: '2100-01-01T00:00:00.000Z',
    credentials: { clientId: 'c', accessToken: 't', certificate: '{}' },
    secret: 's',
    workerConfig: {},
    filesWritten: true,
    ...changes,
  });

it('a registration is read', async () => {
  await writeFile(file, written({}), { mode: 0o600 });
  const { note, messages } = notes();
  expect(await registrationStore(file, note).read()).toMatchObject({ provider: 'static' });
  expect(messages()).toEqual([]);
});

it.each([
  '',
  '{',
  '[]',
  '\0'.repeat(100),
  '{"version":1}',
  written({}).slice(0, -20),
  written({ version: 0 }),
  written({ version: 2 }),
  written({ expires: '2100-12-31T23:59:60Z' }),
  written({ credentials: { clientId: '', accessToken: 't' } }),
  written({ credentials: { clientId: 'c', accessToken: 't', certificate: '{"half' } }),
  written({ secret: 7 }),
])('a registration is not read from %j', async text => {
  await writeFile(file, text, { mode: 0o600 });
  const { note, messages } = notes();
  expect(await registrationStore(file, note).read()).toBeUndefined();
  expect(messages()).toEqual([`registrationFile ${file} is not used: it does not contain a registration`]);
});
