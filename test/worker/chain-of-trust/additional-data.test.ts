import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readAdditionalData } from '../../../src/worker/features/chain-of-trust/additional-data.ts';

const { signal } = new AbortController();

async function read(content: string | Uint8Array) {
  const folder = await mkdtemp(join(tmpdir(), 'tcw-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'data.json');
  await writeFile(file, content);
  const handle = await open(file);
  onTestFinished(() => handle.close());
  return readAdditionalData({ source: handle, size: content.length }, signal);
}

describe('the additional data of a chain of trust', () => {
  it('is a JSON object', async () => {
    expect(await read('{"environment": {"imageHash": "sha256:ü"}}\n')).toEqual({
      environment: { imageHash: 'sha256:ü' },
    });
  });

  it.each([
    ['nothing', '', /is not JSON/],
    ['something else', 'hello', /is not JSON/],
    ['an array', '[]', /must contain a JSON object/],
    ['null', 'null', /must contain a JSON object/],
    ['a number', '1', /must contain a JSON object/],
    ['bytes', Uint8Array.of(0x7b, 0xff, 0x7d), /is not UTF-8/],
    ['too much', `{"x": "${'x'.repeat(1024 * 1024)}"}`, /is larger than 1048576 bytes/],
    ['a deep nest', `{"x": ${'['.repeat(200_000)}${']'.repeat(200_000)}}`, /is nested too deeply/],
  ])('is invalid if it is %s', async (_, content, problem) => {
    await expect(read(content)).rejects.toMatchObject({
      name: 'TaskError',
      kind: 'task-failed',
      message: expect.stringMatching(problem) as string,
    });
    await expect(read(content)).rejects.toThrow(/^chain-of-trust-additional-data\.json /);
  });

  it.each([
    [
      'a stream',
      (content: Buffer) => ({ open: async () => Readable.from([content]), close: async () => undefined }),
    ],
    ['memory', (content: Buffer) => content],
  ])('may come from %s', async (_, sourceOf) => {
    const readBytes = (text: string, size = text.length) =>
      readAdditionalData({ source: sourceOf(Buffer.from(text)), size }, signal);
    expect(await readBytes('{"x": 1}')).toEqual({ x: 1 });
    await expect(readBytes('[]')).rejects.toThrow(/must contain a JSON object/);
    await expect(readBytes('x'.repeat(1024 * 1024 + 1))).rejects.toThrow(/is larger than/);
  });

  it('fails if the length of its stream is not the announced one', async () => {
    const source = { open: async () => Readable.from([Buffer.from('{}')]), close: async () => undefined };
    await expect(readAdditionalData({ source, size: 20 }, signal)).rejects.toMatchObject({
      kind: 'task-failed',
      message: expect.stringMatching(/^chain-of-trust-additional-data\.json has only 2 bytes/) as string,
    });
  });

  it('is not waited for after the run was stopped', async () => {
    const source = { open: async () => new PassThrough(), close: async () => undefined };
    const reading = readAdditionalData({ source, size: 2 }, AbortSignal.timeout(20));
    await expect(reading).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  it('is not read beyond its size limit', async () => {
    const handle = await open('/dev/zero');
    onTestFinished(() => handle.close());
    await expect(readAdditionalData({ source: handle, size: 0 }, signal)).rejects.toThrow(/is larger than/);
  });
});
