import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { StreamSource } from '../../../src/worker/files/file-source.ts';
import { streamPieces } from '../../../src/worker/files/stream-pieces.ts';

const { signal } = new AbortController();
const bytes = (...texts: string[]) => texts.map(text => Buffer.from(text));

/** A source of this stream that can be opened once. */
const of = (stream: AsyncIterable<Buffer>): StreamSource => ({
  open: async () => stream,
  close: async () => undefined,
});

async function textOf(source: StreamSource, size: number, until = signal): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of streamPieces(source, size, until)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

describe('a stream with a known size', () => {
  it.each([
    ['pieces of any length', ['on', '', 'e', 'two three', ''], 12],
    ['one piece', ['whole'], 5],
    ['nothing', [], 0],
    ['empty pieces', ['', ''], 0],
  ])('is read to its end: %s', async (_, pieces, size) => {
    expect(await textOf(of(Readable.from(bytes(...pieces))), size)).toBe(pieces.join(''));
  });

  it.each([
    ['more', ['five', 'x'], 'has more bytes instead of the announced 4'],
    ['more in its only piece', ['fivex'], 'has more bytes instead of the announced 4'],
    ['fewer', ['f', 'iv'], 'has only 3 bytes instead of the announced 4'],
    ['no', [], 'has only 0 bytes instead of the announced 4'],
  ])('fails when there are %s bytes', async (_, pieces, message) => {
    await expect(textOf(of(Readable.from(bytes(...pieces))), 4)).rejects.toMatchObject({
      name: 'TaskError',
      kind: 'task-failed',
      message: `${message}: it changed, or was truncated`,
      isRetryable: false,
    });
  });

  it('emits its last piece only when it has ended, so that a longer stream is never taken for the whole', async () => {
    const stream = new PassThrough();
    const given: string[] = [];
    const reading = (async () => {
      for await (const piece of streamPieces(of(stream), 4, signal)) given.push(piece.toString());
    })();
    stream.write('on');
    await expect.poll(() => given).toEqual(['on']);
    stream.write('ce');
    await expect.poll(() => stream.readableLength).toBe(0);
    stream.write('more');
    await expect(reading).rejects.toThrow('has more bytes');
    expect(given).toEqual(['on']);
    expect(stream.destroyed).toBe(true);
  });

  it('fails with its error, and may be retried', async () => {
    const failing = (async function* () {
      yield Buffer.from('x');
      throw new Error('socket hang up');
    })();
    const message = 'could not be read: socket hang up';
    const failure = { kind: 'resource-unavailable', message, isRetryable: true };
    await expect(textOf(of(failing), 4)).rejects.toMatchObject(failure);
    const unopened = { ...of(failing), open: () => Promise.reject(new Error('socket hang up')) };
    await expect(textOf(unopened, 4)).rejects.toMatchObject(failure);
  });

  it('is destroyed when its reader stops', async () => {
    const stream = Readable.from(bytes('a', 'b', 'c'));
    for await (const piece of streamPieces(of(stream), 3, signal)) {
      expect(piece.toString()).toBe('a');
      break;
    }
    expect(stream.destroyed).toBe(true);
  });

  it('is destroyed at once when the run is stopped, even if it emits nothing', async () => {
    const stopped = new AbortController();
    const stream = new PassThrough();
    const reading = textOf(of(stream), 4, stopped.signal);
    stream.write('x');
    await expect.poll(() => stream.readableLength).toBe(0);
    stopped.abort(new Error('task canceled'));
    await expect(reading).rejects.toThrow('task canceled');
    expect(stream.destroyed).toBe(true);
    // A late error of an abandoned stream does no harm.
    stream.emit('error', new Error('too late'));
  });

  it('is abandoned if it is a generator that never continues', async () => {
    const stopped = new AbortController();
    const waiting = Promise.withResolvers<undefined>();
    const stuck = (async function* () {
      yield Buffer.from('x');
      waiting.resolve(undefined);
      await new Promise(() => undefined);
    })();
    const reading = textOf(of(stuck), 4, stopped.signal);
    await waiting.promise;
    stopped.abort(new Error('task canceled'));
    await expect(reading).rejects.toThrow('task canceled');
  });

  it('is destroyed if it opens after the run was stopped', async () => {
    const stopped = new AbortController();
    const opening = Promise.withResolvers<Readable>();
    const reading = textOf({ ...of(Readable.from([])), open: () => opening.promise }, 4, stopped.signal);
    stopped.abort(new Error('task canceled'));
    await expect(reading).rejects.toThrow('task canceled');
    const late = new PassThrough();
    opening.resolve(late);
    await once(late, 'close');
  });

  it('is not opened after the run was stopped', async () => {
    const source = { ...of(Readable.from([])), open: () => Promise.reject(new Error('was opened')) };
    await expect(textOf(source, 4, AbortSignal.abort(new Error('task canceled')))).rejects.toThrow(
      'canceled',
    );
  });
});
