import { randomBytes } from 'node:crypto';
import { BehaviorSubject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { logReaders, type Reader } from '../../../src/worker/features/live-log/log-readers.ts';
import { sharedRate } from '../../../src/worker/features/live-log/shared-rate.ts';
import { waitFor } from '../../wait-for.ts';

const NO_LIMIT = sharedRate(Infinity, 0);

/** A log in memory that counts its reads. */
function growingLog() {
  let content = Buffer.alloc(0);
  const size$ = new BehaviorSubject(0);
  const reads: number[] = [];
  return {
    size$,
    reads,
    get content() {
      return content;
    },
    append: (bytes: Buffer | string) => {
      content = Buffer.concat([content, Buffer.from(bytes)]);
      size$.next(content.length);
    },
    handle: {
      read: async (buffer: Buffer, offset: number, length: number, position: number) => {
        reads.push(position);
        await Promise.resolve();
        return { bytesRead: content.copy(buffer, offset, position, position + length) };
      },
    },
  };
}

/** A reader that accepts everything, or only on request. */
function reader({ holdsBack = false } = {}) {
  const got: Buffer[] = [];
  let takes: (() => void) | undefined;
  let state: 'reading' | 'ended' | 'broken off' = 'reading';
  const seen: Reader = {
    write: (bytes, taken) => {
      got.push(Buffer.from(bytes));
      if (holdsBack) takes = taken;
      else setImmediate(taken);
    },
    end: () => {
      state = 'ended';
    },
    breakOff: () => {
      state = 'broken off';
    },
  };
  return {
    seen,
    got: () => Buffer.concat(got).toString('latin1'),
    writes: () => got.length,
    state: () => state,
    take: () => {
      takes?.();
    },
  };
}

describe('readers of a log', () => {
  it('receive what is there, then what is added, then the end', async () => {
    const log = growingLog();
    const readers = logReaders(log, NO_LIMIT);
    const one = reader();
    log.append('first\n');
    readers.add(one.seen, 0, Infinity);
    await waitFor(() => {
      expect(one.got()).toBe('first\n');
    });
    log.append('second\n');
    await waitFor(() => {
      expect(one.got()).toBe('first\nsecond\n');
    });
    expect(one.state()).toBe('reading');
    log.append('third\n');
    log.size$.complete();
    await readers.done;
    expect([one.got(), one.state()]).toEqual(['first\nsecond\nthird\n', 'ended']);
  });

  it('start and end at the requested offsets', async () => {
    const log = growingLog();
    const readers = logReaders(log, NO_LIMIT);
    const part = reader();
    readers.add(part.seen, 2, 6);
    log.append('0123');
    await waitFor(() => {
      expect(part.got()).toBe('23');
    });
    log.append('456789');
    await waitFor(() => {
      expect([part.got(), part.state()]).toEqual(['2345', 'ended']);
    });
  });

  it('share one read if they are at the same position', async () => {
    const log = growingLog();
    const readers = logReaders(log, NO_LIMIT);
    const many = Array.from({ length: 100 }, () => reader());
    for (const { seen } of many) readers.add(seen, 0, Infinity);
    log.append('for all\n');
    await waitFor(() => {
      expect(new Set(many.map(({ got }) => got()))).toEqual(new Set(['for all\n']));
    });
    expect(log.reads).toEqual([0]);
  });

  it('receive what is written within 20 ms in one write', async () => {
    const log = growingLog();
    const readers = logReaders(log, NO_LIMIT);
    const one = reader();
    readers.add(one.seen, 0, Infinity);
    log.append('-');
    await waitFor(() => {
      expect(one.writes()).toBe(1);
    });
    for (let line = 0; line < 1_000; line++) log.append('.');
    await waitFor(() => {
      expect(one.got()).toHaveLength(1_001);
    });
    expect(one.writes()).toBeLessThanOrEqual(3);
  });

  it('are not delayed by a slow reader, who still receives everything', async () => {
    const log = growingLog();
    const readers = logReaders(log, NO_LIMIT);
    const [slow, quick] = [reader({ holdsBack: true }), reader()];
    readers.add(slow.seen, 0, Infinity);
    readers.add(quick.seen, 0, Infinity);
    log.append(randomBytes(1024 * 1024));
    log.size$.complete();
    await waitFor(() => {
      expect([quick.got().length, quick.state()]).toEqual([log.content.length, 'ended']);
    });
    // No more of the log is held in memory.
    expect(slow.got().length).toBeLessThanOrEqual(64 * 1024);
    await waitFor(() => {
      slow.take();
      expect(slow.state()).toBe('ended');
    });
    await readers.done;
    expect(slow.got()).toBe(log.content.toString('latin1'));
  });

  it('are disconnected when the log is closed or cannot be read', async () => {
    const log = growingLog();
    const readers = logReaders(log, NO_LIMIT);
    const one = reader();
    readers.add(one.seen, 0, Infinity);
    readers.close();
    await readers.done;
    expect(one.state()).toBe('broken off');

    const broken = { ...growingLog(), handle: { read: () => Promise.reject(new Error('EIO')) } };
    broken.append('something');
    const other = reader();
    logReaders(broken, NO_LIMIT).add(other.seen, 0, Infinity);
    await waitFor(() => {
      expect(other.state()).toBe('broken off');
    });
  });

  it('end when the log shrinks because the disk is full', async () => {
    const log = growingLog();
    const readers = logReaders(log, NO_LIMIT);
    const one = reader();
    readers.add(one.seen, 0, Infinity);
    log.size$.next(10);
    log.size$.next(4);
    log.size$.complete();
    await readers.done;
    expect(one.state()).toBe('ended');
  });
});

describe('the rate limit that readers share', () => {
  it('allows bursts, and delays what exceeds them', () => {
    let now = 0;
    const rate = sharedRate(1_000, 0, () => now);
    expect(rate.take(3_000)).toBeUndefined();
    expect(rate.take(3_000)).toBeInstanceOf(Promise);
    now = 1_000;
    expect(rate.take(3_000)).toBeUndefined();
  });

  it('counts each write, however small', () => {
    const rate = sharedRate(1_000, 2_500, () => 0);
    expect(rate.take(1)).toBeUndefined();
    expect(rate.take(1)).toBeInstanceOf(Promise);
  });
});
