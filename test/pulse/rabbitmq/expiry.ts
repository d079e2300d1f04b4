import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { BehaviorSubject } from 'rxjs';
import { expect, it } from 'vitest';
import { binding, namedQueue } from '../../../src/pulse/index.ts';
import type { OwnRabbitmq } from './setting.ts';

/** How a quorum queue expires. The broker in memory knows one way for all queues. */
export function expiry(own: OwnRabbitmq): void {
  /** How often the broker looks whether a quorum queue has expired, in ms, for those that are declared from then on. */
  const looking = (everyMs: number) =>
    own.rabbitmqctl('eval', `application:set_env(rabbit, quorum_tick_interval, ${everyMs}).`);

  it('a quorum queue does not expire during a pause, and keeps arriving messages', async () => {
    await looking(100);
    try {
      await own.withPulse(async (pulse, exchange) => {
        const paused$ = new BehaviorSubject(true);
        const queue = namedQueue(`test-${randomUUID()}`, { maxLength: 10, expiresMs: 1_600, quorum: true });
        const events: string[] = [];
        const bodies: unknown[] = [];
        pulse
          .consume({
            queue,
            bindings: [binding(exchange, '#')],
            paused$,
            onEvent: ({ type }) => events.push(type),
          })
          .subscribe(message => {
            bodies.push(message.body);
            message.ack();
          });
        await expect.poll(() => events).toEqual(['consuming']);
        await pulse.publish(exchange, 'k', 'kept');
        await sleep(3_600);
        expect(bodies).toEqual([]);
        await pulse.publish(exchange, 'k', 'last');
        paused$.next(false);
        // The one that was looked at may come later.
        await expect.poll(() => bodies.toSorted()).toEqual(['kept', 'last']);
        expect(events).toEqual(['consuming']);
      });
    } finally {
      await looking(5_000);
    }
  });
}
