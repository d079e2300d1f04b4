import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { filter, firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  binding,
  handle,
  namedQueue,
  Secret,
  type Pulse,
  type PulseOptions,
  type PulseState,
} from '../../src/pulse/index.ts';
import { TEST_MS } from '../patience.ts';

/** What only the operator of a broker can bring about. */
export interface TroubledBroker {
  readonly user: string;
  connect(options?: Partial<PulseOptions>): Pulse;
  /** How many connections our user has. */
  connections(): Promise<number>;
  cutConnections(): Promise<void>;
  alarm(raised: boolean): Promise<void>;
  /** As Pulse does it: the user is deleted, which closes its connections with 320, and made again. */
  changePassword(password: string): Promise<void>;
  readonly password: string;
}

/** The requirements that a broker shared with other tests cannot show. */
export function trouble(broker: () => TroubledBroker): void {
  const names = (under: TroubledBroker) => ({
    exchange: `exchange/${under.user}/${randomUUID()}`,
    queue: namedQueue(`test-${randomUUID()}`, { maxLength: 10_000, expiresMs: 60_000 }),
  });
  const state = (pulse: Pulse, name: PulseState['name']) =>
    firstValueFrom(pulse.state$.pipe(filter(now => now.name === name)));

  describe('requirement 2: two connections at most', () => {
    it('consumes through one, and opens another when something is published', async () => {
      const under = broker();
      const { exchange, queue } = names(under);
      const owner = under.connect();
      await owner.declareExchange(exchange);
      await owner.close();
      await expect.poll(() => under.connections()).toBe(0);
      const pulse = under.connect();
      for (let n = 0; n < 3; n++) pulse.consume({ queue, bindings: [binding(exchange, '#')] }).subscribe();
      await pulse.ready();
      await expect.poll(() => under.connections()).toBe(1);
      for (let n = 0; n < 3; n++) await pulse.publish(exchange, 'k', n);
      await expect.poll(() => under.connections()).toBe(2);
      await pulse.close(0);
    });

    it('during an alarm, consumers acknowledge, reconnect and drain, and the state is blocked', async () => {
      const under = broker();
      const { exchange, queue } = names(under);
      const pulse = under.connect();
      await pulse.declareExchange(exchange);
      await pulse.queue(queue).declare([binding(exchange, '#')]);
      for (const n of [1, 2, 3]) await pulse.publish(exchange, 'k', n);
      await under.alarm(true);
      const done: unknown[] = [];
      try {
        // An alarm takes its time, and a connection is told of it when it next publishes.
        const probing = setInterval(() => void pulse.tryPublish(exchange, 'k', 'probe'), 50);
        await state(pulse, 'blocked').finally(() => {
          clearInterval(probing);
        });
        const waiting = pulse.tryPublish(exchange, 'k', 'after the alarm', { deadlineMs: TEST_MS });
        const consumed = pulse.consume({ queue, bindings: [] }).pipe(handle(({ body }) => done.push(body)));
        let completed = false;
        consumed.subscribe({ complete: () => (completed = true) });
        await expect.poll(() => done.slice(0, 3)).toEqual([1, 2, 3]);
        expect(await pulse.tryPublish(exchange, 'k', 'too late', { deadlineMs: 100 })).toMatchObject({
          status: 'expired',
          error: { message: expect.stringContaining('accepts no messages at the moment') },
        });
        const lost = state(pulse, 'waiting');
        await under.cutConnections();
        await lost;
        await expect.poll(() => pulse.gauges().consumers).toMatchObject([{ consuming: true }]);
        await under.alarm(false);
        expect(await waiting).toEqual({ status: 'confirmed' });
        await expect.poll(() => done).toContain('after the alarm');
        await pulse.close();
        expect(completed).toBe(true);
      } finally {
        await under.alarm(false);
      }
    });
  });

  describe('requirement 9: every publish settles once', () => {
    it('during an alarm, nothing more is sent, and the waiting messages are bounded', async () => {
      const under = broker();
      const { exchange } = names(under);
      const pulse = under.connect({ publishBounds: { messages: 10 } });
      await pulse.declareExchange(exchange);
      await pulse.publish(exchange, 'k', 'before');
      await under.alarm(true);
      try {
        const probing = setInterval(
          () => void pulse.tryPublish(exchange, 'k', 'probe', { deadlineMs: 1 }),
          50,
        );
        await state(pulse, 'blocked').finally(() => {
          clearInterval(probing);
        });
        await expect.poll(() => pulse.gauges().publisher.waiting).toBe(0);
        const { unconfirmed } = pulse.gauges().publisher;
        for (let round = 0; round < 3; round++) {
          const sent = Array.from({ length: 15 }, () =>
            pulse.tryPublish(exchange, 'k', 1, { deadlineMs: 20 }),
          );
          expect(pulse.gauges().publisher).toMatchObject({ waiting: 10, unconfirmed });
          const statuses = (await Promise.all(sent)).map(({ status }) => status);
          expect([statuses.indexOf('refused'), statuses.lastIndexOf('expired')]).toEqual([10, 9]);
        }
        expect(pulse.gauges().publisher).toMatchObject({ waiting: 0, unconfirmed });
        const waiting = pulse.tryPublish(exchange, 'k', 'after');
        await under.alarm(false);
        expect(await waiting).toEqual({ status: 'confirmed' });
        expect(pulse.gauges().publisher).toMatchObject({ waiting: 0, unconfirmed: 0 });
      } finally {
        await under.alarm(false);
        await pulse.close(0);
      }
    });
  });

  describe('requirement 14: credentials are requested again', () => {
    it('a password that changes at run time loses no message, in either direction', async () => {
      const under = broker();
      const { exchange, queue } = names(under);
      let current = under.password;
      const states: PulseState['name'][] = [];
      const pulse = under.connect({
        password: undefined,
        credentials: () => ({ user: under.user, password: new Secret(current) }),
      });
      pulse.state$.subscribe(({ name }) => states.push(name));
      await pulse.declareExchange(exchange);
      await pulse.queue(queue).declare([binding(exchange, '#')]);
      const seen = new Set<unknown>();
      pulse
        .consume({ queue, bindings: [binding(exchange, '#')] })
        .pipe(
          handle(async ({ body }) => {
            await sleep(5);
            seen.add(body);
          }),
        )
        .subscribe();
      const sent: Promise<{ status: string }>[] = [];
      const sending = setInterval(() => sent.push(pulse.tryPublish(exchange, 'k', sent.length)), 5);
      try {
        await expect.poll(() => seen.size).toBeGreaterThan(10);
        // Told late, as a vault that is written after the broker would.
        const lost = state(pulse, 'waiting');
        await under.changePassword('another');
        await lost;
        await sleep(100);
        current = 'another';
        const before = seen.size;
        await expect.poll(() => seen.size).toBeGreaterThan(before + 10);
      } finally {
        clearInterval(sending);
      }
      const statuses = new Set((await Promise.all(sent)).map(({ status }) => status));
      expect([...statuses]).toEqual(['confirmed']);
      await expect.poll(() => seen.size).toBe(sent.length);
      expect(states).not.toContain('failed');
      await pulse.close();
    });
  });
}
