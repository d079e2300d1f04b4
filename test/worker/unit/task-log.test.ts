import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Secret } from '../../../src/pulse/index.ts';
import { openTaskLog, type TaskLog, type TaskLogOptions } from '../../../src/worker/task-log/task-log.ts';

// The line formats that readers of these logs expect, from generic-worker's TestLogFormat.
const TIME = String.raw`20\d{2}-[01]\d-[0123]\dT[012]\d:[012345]\d:[012345]\d\.\d{3}Z`;
const INFO = new RegExp(String.raw`^\[taskcluster ${TIME}\] (.*)$`);
const WARN = new RegExp(String.raw`^\[taskcluster:warn ${TIME}\] (.*)$`);
const ERROR = /^\[taskcluster:error\] (.*)$/;

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'tcw-task-log-'));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return made;
}

async function start(options: Partial<TaskLogOptions> = {}): Promise<TaskLog> {
  const folders = options.folders ?? [await folder()];
  const log = await openTaskLog({ folders, name: 'task.log', secrets: () => [], ...options });
  onTestFinished(() => log.remove());
  return log;
}

/** The lines of a log that has ended. The last line must end with a newline. */
async function linesOf(log: TaskLog): Promise<string[]> {
  await log.end();
  const text = await readFile(log.file, 'utf8');
  expect(text.endsWith('\n')).toBe(true);
  return text.split('\n').slice(0, -1);
}

describe('a line of the worker', () => {
  it('has the prefix that log viewers recognise', async () => {
    const log = await start();
    log.info('=== Task Starting ===');
    log.warn('be careful');
    log.error('exit status 1');
    const [info = '', warn = '', error = ''] = await linesOf(log);
    expect(INFO.exec(info)?.[1]).toBe('=== Task Starting ===');
    expect(WARN.exec(warn)?.[1]).toBe('be careful');
    expect(ERROR.exec(error)?.[1]).toBe('exit status 1');
  });

  it('has the prefix on each line of a multi-line message, including empty lines', async () => {
    const log = await start();
    log.info('a\n\n  b');
    log.error('c\nd');
    const lines = await linesOf(log);
    expect(lines.slice(0, 3).map(line => INFO.exec(line)?.[1])).toEqual(['a', '', '  b']);
    expect(lines.slice(3).map(line => ERROR.exec(line)?.[1])).toEqual(['c', 'd']);
  });

  it('has the time at which it was written', async () => {
    const before = Date.now();
    const log = await start();
    log.info('now');
    const after = Date.now();
    const [line = ''] = await linesOf(log);
    const time = Date.parse(/\[taskcluster (.*)\]/.exec(line)?.[1] ?? '');
    expect(time).toBeGreaterThanOrEqual(before);
    expect(time).toBeLessThanOrEqual(after);
  });

  it('is redacted like the output', async () => {
    const log = await start({ secrets: () => [new Secret('token-token')] });
    log.error('it said token-token');
    expect(await linesOf(log)).toEqual(['[taskcluster:error] it said [redacted]']);
  });
});

describe('a line of the worker after output that does not end with a line feed', () => {
  /** The log without its times. */
  async function textOf(log: TaskLog): Promise<string> {
    await log.end();
    return (await readFile(log.file, 'utf8')).replaceAll(new RegExp(TIME, 'g'), 'T');
  }

  it('starts a new line, and the bytes of the task stay unchanged', async () => {
    const log = await start();
    log.output.write('partial');
    log.error('exit status 1');
    log.output.write('of the background');
    log.output.write(' process');
    log.info('a\nb');
    log.output.write('\n');
    log.warn('c');
    expect(await textOf(log)).toBe(
      'partial\n[taskcluster:error] exit status 1\n' +
        'of the background process\n[taskcluster T] a\n[taskcluster T] b\n\n[taskcluster:warn T] c\n',
    );
  });

  it.each([
    ['a progress bar', '50%\r', '50%\r\n'],
    ['an ended line', 'done\r\n', 'done\r\n'],
    ['nothing', '', ''],
  ])('counts only line feeds as the end of a line: after %s', async (_, output, logged) => {
    const log = await start();
    log.output.write(output);
    log.error('next');
    expect(await textOf(log)).toBe(`${logged}[taskcluster:error] next\n`);
  });

  it('follows output that redaction holds back, and so does its line break', async () => {
    const log = await start({
      secrets: () => [new Secret('token-token'), new Secret('ends-with-a-break\n')],
    });
    log.output.write('a tok');
    log.error('b');
    log.output.write('ends-with-a-break\n');
    log.error('c');
    log.output.write('en-token token-token');
    log.error('d');
    expect(await textOf(log)).toBe(
      'a tok\n[taskcluster:error] b\n[redacted]\n[taskcluster:error] c\n' +
        'en-token [redacted]\n[taskcluster:error] d\n',
    );
  });

  it('is a whole line even where the log is truncated', async () => {
    const log = await start({ maxBytes: 1_000 });
    for (let count = 0; count < 40; count++) {
      log.output.write('x'.repeat(99));
      log.error(`line ${count}`);
    }
    const lines = (await textOf(log)).split('\n');
    expect(lines.filter(line => line.includes('[taskcluster')).every(line => line.startsWith('['))).toBe(
      true,
    );
    expect(lines.slice(-2)).toEqual(['[taskcluster:error] line 39', '']);
  });

  it('is a whole line even while the disk is slower than the output', async () => {
    const log = await start();
    for (let count = 0; count < 40; count++) {
      log.output.write(Buffer.alloc(64 * 1_024, 'x'));
      log.error(`line ${count}`);
    }
    const lines = (await textOf(log)).split('\n').filter(line => !line.startsWith('x'));
    expect(lines).toEqual([
      ...Array.from({ length: 40 }, (_, count) => `[taskcluster:error] line ${count}`),
      '',
    ]);
  });

  it('is not preceded by a line break at the end of a log that nothing is added to', async () => {
    const log = await start();
    log.output.write('the end');
    expect(await textOf(log)).toBe('the end');
  });
});

describe('the output of commands', () => {
  it('is logged unchanged, in the order in which it was written', async () => {
    const log = await start();
    log.info('first');
    log.output.write('out 1\n');
    log.error('between');
    log.output.write(Buffer.from([0xff, 0x00, 0x0a]));
    log.info('last');
    await log.end();
    const bytes = await readFile(log.file);
    expect(bytes.toString('latin1').replaceAll(new RegExp(TIME, 'g'), 'T')).toBe(
      '[taskcluster T] first\nout 1\n[taskcluster:error] between\n\xff\0\n[taskcluster T] last\n',
    );
  });

  it('arrives whole, however much it is, if the log ends right after it', async () => {
    const log = await start();
    const hash = createHash('sha256');
    let written = 0;
    const chunks = Readable.from(
      (function* () {
        for (let count = 0; count < 400; count++) {
          const chunk = randomBytes(64 * 1_024);
          hash.update(chunk);
          written += chunk.length;
          yield chunk;
        }
      })(),
    );
    await pipeline(chunks, log.output, { end: false });
    await log.end();
    const bytes = await readFile(log.file);
    expect(bytes.length).toBe(written);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(hash.digest('hex'));
  });

  it('has a bounded buffer, with backpressure for a writer that is faster than the disk', async () => {
    const log = await start();
    let writes = 0;
    while (log.output.write(Buffer.alloc(64 * 1_024))) writes++;
    expect(writes).toBeLessThan(10);
    await once(log.output, 'drain');
    await log.end();
    expect((await stat(log.file)).size).toBe((writes + 1) * 64 * 1_024);
  });

  it('is passed to followers of the log as it is written to the file', async () => {
    const followed: Buffer[] = [];
    const log = await start({
      secrets: () => [new Secret('token-token')],
      onChunk: chunk => followed.push(chunk),
    });
    log.info('hello');
    log.output.write('token-token\n');
    await log.end();
    expect(Buffer.concat(followed).toString()).toBe(await readFile(log.file, 'utf8'));
  });

  it('is passed to followers before the log has ended', async () => {
    const { promise: seen, resolve } = Promise.withResolvers<string>();
    const log = await start({ onChunk: chunk => resolve(chunk.toString()) });
    log.output.write('step 1\n');
    expect(await seen).toBe('step 1\n');
    await log.end();
  });
});

describe('the end of a log', () => {
  it('comes when everything is on the disk', async () => {
    const log = await start();
    for (let count = 0; count < 2_000; count++) log.info(`line ${count} ${'x'.repeat(2_000)}`);
    expect(await linesOf(log)).toHaveLength(2_000);
  });

  it('may be requested twice, and at the same time', async () => {
    const log = await start();
    log.info('once');
    await Promise.all([log.end(), log.end()]);
    await log.end();
    expect(await linesOf(log)).toHaveLength(1);
  });

  it('discards later lines without an error', async () => {
    const log = await start();
    log.info('before');
    await log.end();
    log.info('after');
    log.error('after');
    expect(await linesOf(log)).toHaveLength(1);
  });

  it('fails if something could not be written, each time, and not before', async () => {
    const log = await start();
    log.info('before');
    log.output.destroy(new Error('no space left'));
    await new Promise(setImmediate);
    log.info('after');
    await expect(log.end()).rejects.toThrow('no space left');
    await expect(log.end()).rejects.toThrow();
  });
});

describe('a log that has ended', () => {
  it.each([
    ['a complete line', 'done\n', 'done\n'],
    ['an incomplete line', 'done', 'done\n'],
  ])('accepts one more warning, after %s', async (_, output, before) => {
    const log = await start();
    log.output.write(output);
    await log.end();
    await log.addWarning('something is left');
    expect(await readFile(log.file, 'utf8')).toMatch(
      new RegExp(`^${before}\\[taskcluster:warn ${TIME}\\] something is left\n$`),
    );
  });
});

describe('the file of a log', () => {
  it('can be read only by its own user', async () => {
    const log = await start();
    expect((await stat(log.file)).mode & 0o777).toBe(0o600);
    await log.end();
  });

  it('is a new file, even if its name exists already', async () => {
    const [place, other] = [await folder(), await folder()];
    await writeFile(join(other, 'precious'), 'precious');
    await symlink(join(other, 'precious'), join(place, 'task.log'));
    const log = await start({ folders: [place] });
    log.info('mine');
    await log.end();
    expect(await readFile(join(other, 'precious'), 'utf8')).toBe('precious');
    expect((await stat(log.file)).mode & 0o777).toBe(0o600);
  });

  it('replaces a folder that a task has put in its place', async () => {
    const place = await folder();
    await mkdir(join(place, 'task.log', 'in the way'), { recursive: true });
    const log = await start({ folders: [place] });
    expect(log.file).toBe(join(place, 'task.log'));
    log.info('here');
    expect(await linesOf(log)).toHaveLength(1);
  });

  it('is created in the first folder that accepts it', async () => {
    const place = await folder();
    await writeFile(join(place, 'no-folder'), '');
    const log = await start({ folders: [join(place, 'no-folder'), join(place, 'missing'), place] });
    expect(log.file).toBe(join(place, 'task.log'));
    log.info('here');
    expect(await linesOf(log)).toHaveLength(1);
  });

  it('fails to open if no folder accepts it, with the reason for each folder', async () => {
    const place = await folder();
    await writeFile(join(place, 'a'), '');
    const opening = start({ folders: [join(place, 'a'), join(place, 'missing')] });
    await expect(opening).rejects.toThrow(/no place for the task's log: .*ENOTDIR.*; .*ENOENT/);
  });

  it('can be removed, even twice', async () => {
    const log = await start();
    await log.end();
    await log.remove();
    await log.remove();
    await expect(stat(log.file)).rejects.toThrow('ENOENT');
  });
});
