import { onTestFinished, describe, expect, it, vi } from 'vitest';
import { queueExchanges } from '../../src/exchanges/index.ts';
import { ephemeralQueue, namedQueue, type PulseError, type QueueSpec } from '../../src/pulse/index.ts';
import { feed } from '../../src/streams/feed.ts';
import { declareExchanges, pendingKey, startPulse, turns, type PulseUnderTest } from './pulse-under-test.ts';
import { fakeTimers } from './virtual-time.ts';
import { waitFor } from '../wait-for.ts';

const BOUNDS = { expiresMs: 60_000, maxLength: 10 };

/** Subscribes to a feed of pending tasks, and writes down all that it says. */
function listen(
  { worker }: PulseUnderTest,
  spec: QueueSpec = ephemeralQueue(),
  pulse = worker,
  onProblem: (problem: string) => void = () => undefined,
) {
  const seen = {
    items: 0,
    listening: [] as boolean[],
    problems: [] as string[],
    errors: [] as (PulseError | undefined)[],
    ended: undefined as unknown,
  };
  const { items$, listening$ } = feed(
    pulse,
    { queue: spec, bindings: [queueExchanges.taskPending()] },
    (problem, error) => {
      seen.problems.push(problem);
      seen.errors.push(error);
      onProblem(problem);
    },
  );
  listening$.subscribe(listening => seen.listening.push(listening));
  const subscription = items$.subscribe({
    next: message => {
      seen.items++;
      message.ack();
    },
    error: (error: unknown) => (seen.ended = error),
    complete: () => (seen.ended = 'complete'),
  });
  onTestFinished(() => {
    subscription.unsubscribe();
  });
  return { seen, subscription };
}

describe('a feed', () => {
  it('reports that it listens after the broker has confirmed, and not before', async () => {
    const pulse = await startPulse();
    const { seen } = listen(pulse);
    expect(seen.listening).toEqual([false]);
    await turns();
    expect(seen.listening).toEqual([false, true]);
    await pulse.pending();
    await turns();
    expect(seen.items).toBe(1);
  });

  it('reports that each time that the connection is lost and restored', async () => {
    const pulse = await startPulse();
    const { seen } = listen(pulse);
    await turns();
    await pulse.broker.dropConnections();
    await waitFor(() => {
      expect(seen.listening).toEqual([false, true, false, true]);
    });
    await pulse.pending();
    await waitFor(() => {
      expect(seen.items).toBe(1);
    });
    expect(seen.problems).toEqual([]);
  });

  it('reports that when the broker deletes its queue, and declares the queue again', async () => {
    const pulse = await startPulse();
    const { seen } = listen(pulse, namedQueue('test', BOUNDS));
    await turns();
    pulse.broker.deleteQueue('queue/worker/test');
    await waitFor(() => {
      expect(seen.listening).toEqual([false, true, false, true]);
    });
    expect(seen.ended).toBeUndefined();
  });

  it('stops listening when Pulse is closed, and completes', async () => {
    const pulse = await startPulse();
    const { seen } = listen(pulse);
    await turns();
    await pulse.worker.close();
    await turns();
    expect(seen.ended).toBe('complete');
    expect(seen.listening).toEqual([false, true, false]);
  });

  it('stops listening when nobody is subscribed', async () => {
    const pulse = await startPulse();
    const { seen, subscription } = listen(pulse);
    await turns();
    subscription.unsubscribe();
    expect(seen.listening).toEqual([false, true, false]);
  });

  it('drops an invalid message, reports the problem, and continues', async () => {
    const pulse = await startPulse();
    const { seen } = listen(pulse);
    await turns();
    await pulse.publish(queueExchanges.taskPending.exchange, pendingKey(), { runId: 'zero' });
    await pulse.pending();
    await turns();
    expect(seen.problems).toEqual([expect.stringContaining('/runId must be integer')]);
    expect(seen.problems[0]).toContain(`dropped a message of ${queueExchanges.taskPending.exchange}`);
    expect(seen.items).toBe(1);
    expect(seen.listening).toEqual([false, true]);
  });

  it('continues if the callback for problems throws', async () => {
    const pulse = await startPulse({ exchanges: false });
    const { seen } = listen(pulse, ephemeralQueue(), pulse.worker, () => {
      throw new Error('no log');
    });
    await turns();
    expect(seen.problems).toHaveLength(1);
    expect(seen.ended).toBeUndefined();
  });
});

describe('a feed that the broker refuses', () => {
  it.each<[string, PulseError['kind'], (pulse: PulseUnderTest) => ReturnType<typeof listen>]>([
    ['an exchange that is missing (404)', 'not-found', pulse => listen(pulse)],
    [
      'a queue that is not ours (403)',
      'forbidden',
      pulse => listen(pulse, namedQueue('test', BOUNDS), pulse.connect('somebody')),
    ],
    [
      'a queue that exists with other bounds (406)',
      'mismatch',
      pulse => {
        const { options } = namedQueue('test', { ...BOUNDS, maxLength: 11 });
        pulse.broker.declareQueue('worker', 'queue/worker/test', options, {});
        return listen(pulse, namedQueue('test', BOUNDS));
      },
    ],
  ])('reports why, and does not end: %s', async (_, kind, start) => {
    const pulse = await startPulse({ exchanges: false });
    const { seen } = start(pulse);
    await turns();
    expect(seen.ended).toBeUndefined();
    expect(seen.problems).toEqual([expect.stringContaining('cannot listen: ')]);
    expect(seen.errors[0]?.kind).toBe(kind);
    expect(seen.listening.at(-1)).toBe(false);
  });

  it('tries again every minute until it is allowed', async () => {
    const pulse = await startPulse({ exchanges: false });
    fakeTimers();
    const { seen } = listen(pulse);
    const after = async (ms: number) => {
      await turns();
      await vi.advanceTimersByTimeAsync(ms);
      await turns();
    };
    await after(0);
    expect(seen.problems).toHaveLength(1);
    await after(59_999);
    expect(seen.problems).toHaveLength(1);
    await after(1);
    expect(seen.problems).toHaveLength(2);
    declareExchanges(pulse.broker);
    await after(60_000);
    expect(seen.problems).toHaveLength(2);
    expect(seen.listening.at(-1)).toBe(true);
    await pulse.pending();
    await turns();
    expect(seen.items).toBe(1);
  });
});
