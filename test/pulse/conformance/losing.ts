import { setTimeout as sleep } from 'node:timers/promises';
import { Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { binding, type ConsumerEvent } from '../../../src/pulse/index.ts';
import type { Setting } from './setting.ts';

export function losing(setting: Setting): void {
  const publish = (body: unknown) => setting.pulse.publish(setting.exchange, 'k', body);
  const typesOf = (events: readonly ConsumerEvent[]) => events.map(({ type }) => type);

  describe('losing the connection', () => {
    it.each<[how: string, lose: () => Promise<void>]>([
      ['that is cut', () => setting.under.cutConnections()],
      [
        'over a network that has become silent',
        async () => {
          setting.under.freeze();
          await sleep(100);
          const cut = setting.under.cutConnections();
          setting.under.thaw();
          await cut;
        },
      ],
    ])('is followed by redelivery to exactly one consumer: %s', async (_, lose) => {
      const { pulse } = setting;
      const queue = setting.queueOf();
      const { messages, bodies, events } = await setting.consuming({ queue, prefetch: 3 });
      await publish('held');
      await expect.poll(bodies).toEqual(['held']);
      await lose();
      await expect.poll(bodies).toEqual(['held', 'held']);
      expect(messages.map(message => message.ack())).toEqual([false, true]);
      for (let n = 0; n < 5; n++) await publish(n);
      await expect.poll(bodies).toEqual(['held', 'held', 0, 1, 2]);
      await sleep(100);
      expect(bodies()).toEqual(['held', 'held', 0, 1, 2]);
      expect((await pulse.queue(queue).inspect())?.consumers).toBe(1);
      expect(typesOf(events)).not.toContain('gap');
    });
  });

  describe('losing only the queue', () => {
    it.each(['a prefetch', 'a demand'])(
      'is followed by a new declaration and exactly one consumer, with %s',
      async by => {
        const { under, pulse } = setting;
        const queue = setting.queueOf();
        const flow = by === 'a demand' ? { demand$: neverLess(3) } : { prefetch: 3 };
        const states: string[] = [];
        const watching = pulse.state$.subscribe(({ name }) => states.push(name));
        const { messages, bodies, events } = await setting.consuming({ queue, ...flow });
        await under.deleteQueue(queue.nameFor(under.user));
        await expect.poll(() => typesOf(events)).toEqual(['consuming', 'interrupted', 'consuming']);
        for (let n = 0; n < 5; n++) await publish(n);
        await expect.poll(bodies).toEqual([0, 1, 2]);
        await sleep(100);
        expect(bodies()).toEqual([0, 1, 2]);
        expect((await pulse.queue(queue).inspect())?.consumers).toBe(1);
        messages.forEach(message => message.ack());
        await expect.poll(bodies).toEqual([0, 1, 2, 3, 4]);
        watching.unsubscribe();
        expect(states).toEqual(['connected']);
      },
    );
  });

  describe('an unsubscribed consumer', () => {
    it.each([
      ['turns', async (moment: number) => turns(moment)],
      ['milliseconds', async (moment: number) => sleep(moment / 4)],
    ])('emits nothing more and leaves nothing behind, after any number of %s', async (_, passed) => {
      const queue = setting.queueOf();
      const timersBefore = timers();
      const late: ConsumerEvent[] = [];
      for (let moment = 0; moment < 20; moment++) {
        for (const demand$ of [undefined, neverLess(1)]) {
          let over = false;
          const subscription = setting.pulse
            .consume({
              queue,
              bindings: [binding(setting.exchange, '#')],
              demand$,
              onEvent: event => {
                if (over) late.push(event);
              },
            })
            .subscribe();
          await passed(moment);
          over = true;
          subscription.unsubscribe();
        }
      }
      await sleep(100);
      expect(late).toEqual([]);
      expect(timers()).toBeLessThanOrEqual(timersBefore + 5);
      const { bodies } = await setting.consuming({ queue, prefetch: 50 });
      for (let n = 0; n < 20; n++) await publish(n);
      await expect.poll(bodies).toHaveLength(20);
    });
  });
}

/** A demand that never tells that a message has come: as many more are wanted each time that one is settled. */
function neverLess(demand: number): Observable<number> {
  return new Observable(subscriber => {
    subscriber.next(demand);
  });
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    await new Promise(resolve => {
      setImmediate(resolve);
    });
  }
}

function timers(): number {
  return process.getActiveResourcesInfo().filter(type => type === 'Timeout').length;
}
