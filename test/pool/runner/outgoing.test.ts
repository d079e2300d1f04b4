import { PassThrough, Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { linesOf } from '../../../src/pool/runner/lines.ts';
import { outgoing } from '../../../src/pool/runner/outgoing.ts';

const asIs = (json: string) => json;

/** A pipe whose reader reads when it is told to. */
function pipe() {
  let next: (() => void) | undefined;
  let read = '';
  const stream = new Writable({
    write: (chunk: Buffer, _, done) => {
      read += chunk.toString();
      next = done;
    },
  });
  return {
    stream,
    drain: async () => {
      while (next) {
        const done = next;
        next = undefined;
        done();
        await setImmediate();
      }
      return read;
    },
  };
}

it('buffers a limited part of the log for a runner that does not read, counts the rest, and always accepts other messages', async () => {
  const { stream, drain } = pipe();
  const out = outgoing(stream, asIs, { mostLog: 1_000, most: 2_000 });
  for (let line = 0; line < 100; line++) out.log({ textPayload: 'x'.repeat(60) });
  expect(stream.writableLength).toBeLessThan(1_200);
  expect(out.say({ type: 'shutdown' })).toBe(true);
  await drain();
  out.log({ textPayload: 'after' });
  const lines = (await drain()).trimEnd().split('\n');
  expect(lines.slice(-3, -2)).toEqual(['~{"type":"shutdown"}']);
  expect(lines.at(-2)).toMatch(
    /"textPayload":"\d\d lines of this log were lost: worker-runner did not read them"/,
  );
  expect(lines.at(-1)).toBe('~{"type":"log","body":{"textPayload":"after"}}');
  const kept = lines.filter(line => line.includes('xxx')).length;
  expect(kept + Number(/(\d\d) lines/.exec(lines.join('\n'))?.[1])).toBe(100);
});

it('limits other messages, too, and reports that', () => {
  const { stream } = pipe();
  const out = outgoing(stream, asIs, { mostLog: 100, most: 1_000 });
  const report = { type: 'error-report', description: 'x'.repeat(300) };
  expect(Array.from({ length: 6 }, () => out.say(report))).toEqual([true, true, true, false, false, false]);
});

it('waits for the runner at the end for a limited time, and not at all if it has exited', async () => {
  const { stream } = pipe();
  const out = outgoing(stream, asIs);
  out.log({ textPayload: 'never read' });
  await out.flush(20);
  stream.destroy(new Error('EPIPE'));
  await setImmediate();
  expect(out.isBroken).toBe(true);
  expect(out.say({ type: 'shutdown' })).toBe(false);
  await out.flush(1_000_000);
});

it('reassembles lines however they are split, and drops ones that are too long', async () => {
  const input = new PassThrough();
  const lines: (string | undefined)[] = [];
  linesOf(input, 10).subscribe(line => lines.push(line));
  const bytes = Buffer.from(`äöü\n12345678901\n\n${'z'.repeat(100)}\r\nlast`);
  for (const byte of bytes) {
    input.write(Buffer.of(byte));
    await setImmediate();
  }
  input.end();
  await expect.poll(() => lines).toEqual(['äöü', undefined, '', undefined, 'last']);
});
