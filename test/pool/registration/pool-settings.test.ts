import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { zipOf } from '../../worker/unpack/zip-maker.ts';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mergeSettings } from '../../../src/pool/registration/index.ts';
import { writePoolFiles, type PoolFile } from '../../../src/pool/registration/settings/pool-files.ts';
import { poolSettings, secretSettings } from '../../../src/pool/registration/settings/worker-config.ts';

const { signal } = new AbortController();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tcw-files-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const base64 = (content: string | Buffer) => Buffer.from(content).toString('base64');

describe('the workerConfig of a pool', () => {
  const file = { path: '/a', content: 'aGk=', encoding: 'base64', format: 'file' };

  it('may have a nested layout, or be the configuration itself', () => {
    const config = { capacity: 2 };
    expect(poolSettings({ genericWorker: { config, files: [file] } })).toEqual({ config, files: [file] });
    expect(poolSettings({ genericWorker: {} })).toEqual({ config: {}, files: [] });
    const nothing = { config: null, files: null };
    expect(poolSettings({ genericWorker: nothing })).toEqual({ config: {}, files: [] });
    expect(secretSettings('s', nothing)).toEqual({});
    expect(poolSettings(config)).toEqual({ config, files: [] });
    expect(poolSettings({ genericWorker: { config }, other: 1 }).config).toEqual({
      genericWorker: { config },
      other: 1,
    });
  });

  it.each([
    [{ genericWorker: [] }, 'genericWorker of the worker pool must be an object'],
    [{ genericWorker: { files: {} } }, 'genericWorker.files of the worker pool must be a list'],
    [
      { genericWorker: { files: [file, { ...file, format: 'tar' }] } },
      /genericWorker.files\[1\] of the worker pool must have/,
    ],
    [{ genericWorker: { files: [{ ...file, path: 'a\0b' }] } }, /genericWorker.files\[0\]/],
    [{ genericWorker: { files: [{ ...file, content: '?' }] } }, /genericWorker.files\[0\]/],
  ])('%j is refused', (workerConfig, message) => {
    expect(() => poolSettings(workerConfig)).toThrow(message);
  });
});

describe('a secret of a pool', () => {
  it('may have a nested layout, or be the configuration itself', () => {
    expect(secretSettings('s', { config: { a: 1 } })).toEqual({ a: 1 });
    expect(secretSettings('s', { config: { a: 1 }, files: [] })).toEqual({ a: 1 });
    expect(secretSettings('s', { a: 1, config: {} })).toEqual({ a: 1, config: {} });
    expect(secretSettings('s', {})).toEqual({});
  });

  it('contains no files', () => {
    expect(() => secretSettings('worker-pool:p', { files: [1] })).toThrow(
      'the secret worker-pool:p has files; move them to the workerConfig of the worker pool',
    );
  });
});

it('settings are merged as by worker-runner', () => {
  const lower = { a: { b: 1, c: [1] }, d: 'x', e: [1], __proto__: null };
  const upper = { a: { b: 2, c: [2] }, d: [1], e: 'x', f: 1 };
  expect(mergeSettings(lower, upper)).toEqual({ a: { b: 2, c: [1, 2] }, d: [1], e: 'x', f: 1 });
});

describe('the files of a pool', () => {
  const poolFile = (path: string, content: string, format: PoolFile['format'] = 'file'): PoolFile => ({
    path,
    content,
    encoding: 'base64',
    format,
  });

  it('are written with their parent folders, over existing files', async () => {
    const path = join(folder, 'x', 'y', 'run.sh');
    await writePoolFiles(
      [poolFile(path, base64('a longer one')), poolFile(path, base64('#!/bin/sh\n'))],
      signal,
    );
    expect(await readFile(path, 'utf8')).toBe('#!/bin/sh\n');
    expect((await stat(path)).mode & 0o777).toBe(0o777 & ~process.umask());
  });

  it('are unpacked from archives', async () => {
    const path = join(folder, 'unpacked');
    await writePoolFiles(
      [poolFile(path, base64(zipOf([{ name: 'bin/tool', content: 'content' }])), 'zip')],
      signal,
    );
    expect(await readFile(join(path, 'bin/tool'), 'utf8')).toBe('content');
  });

  it('cannot leave the folder of their archive', async () => {
    const path = join(folder, 'inside');
    const content = base64(zipOf([{ name: '../evil', content: 'content' }]));
    const writing = writePoolFiles([poolFile(path, content, 'zip')], signal);
    await expect(writing).rejects.toThrow(`the worker pool's file ${path} cannot be written`);
    await expect(stat(join(folder, 'evil'))).rejects.toThrow('ENOENT');
  });

  it('are named in the error if they cannot be written', async () => {
    const writing = writePoolFiles([poolFile(join(folder, 'x/y/run.sh/x'), base64('x'))], signal);
    await expect(writing).rejects.toThrow(/^the worker pool's file .*x cannot be written: (ENOTDIR|EEXIST)/);
  });
});
