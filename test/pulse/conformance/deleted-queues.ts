import { BehaviorSubject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { deadLetterQueue, type ConsumerEvent } from '../../../src/pulse/index.ts';
import type { Setting } from './setting.ts';

export function deletedQueues(setting: Setting): void {
  const publish = (body: unknown) => setting.pulse.publish(setting.exchange, 'k', body);
  const typesOf = (events: readonly ConsumerEvent[]) => events.map(({ type }) => type);
  const AGAIN = ['consuming', 'interrupted', 'consuming'];

  describe('a queue that is deleted while its consumer is paused', () => {
    const pauses = {
      paused$: () => {
        const paused$ = new BehaviorSubject(true);
        return {
          flow: { paused$ },
          resume: () => {
            paused$.next(false);
          },
        };
      },
      demand$: () => {
        const demand$ = new BehaviorSubject(0);
        return {
          flow: { demand$ },
          resume: () => {
            demand$.next(3);
          },
        };
      },
    };

    it.each(['paused$', 'demand$'] as const)('is bound again during the pause: %s', async by => {
      const { under, consuming, queueOf } = setting;
      const { flow, resume } = pauses[by]();
      const queue = queueOf({ expiresMs: 1_200 });
      const { bodies, events } = await consuming({ queue, ...flow });
      await under.deleteQueue(queue.nameFor(under.user));
      await expect.poll(() => typesOf(events)).toEqual(AGAIN);
      await publish('in the pause');
      expect(bodies()).toEqual([]);
      resume();
      await expect.poll(bodies).toEqual(['in the pause']);
      expect(typesOf(events)).toEqual(AGAIN);
    });

    it.each(['paused$', 'demand$'] as const)('is bound again at the end of the pause: %s', async by => {
      const { under, consuming, queueOf } = setting;
      const { flow, resume } = pauses[by]();
      const queue = queueOf();
      const { bodies, events } = await consuming({ queue, ...flow });
      await under.deleteQueue(queue.nameFor(under.user));
      resume();
      await expect.poll(() => typesOf(events)).toEqual(AGAIN);
      await publish('after the pause');
      await expect.poll(bodies).toEqual(['after the pause']);
    });
  });

  it('a queue of dead letters that was deleted is declared again and keeps them', async () => {
    const { under, pulse, consuming, queueOf } = setting;
    const queue = queueOf({ deadLetter: { expiresMs: 1_200 } });
    const dead = deadLetterQueue(queue);
    const { next, events } = await consuming({ queue });
    await under.deleteQueue(dead.nameFor(under.user));
    await expect.poll(() => typesOf(events)).toEqual(AGAIN);
    await publish('given up');
    (await next()).reject();
    await expect.poll(() => pulse.queue(dead).inspect()).toMatchObject({ messages: 1 });
  });
}
