import { setTimeout as sleep } from 'node:timers/promises';
import { BehaviorSubject, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Setting } from './setting.ts';

export function pausing(setting: Setting): void {
  const publish = (body: unknown) => setting.pulse.publish(setting.exchange, 'k', body);

  describe('a pause', () => {
    it('withholds no messages from other consumers, allows settling held ones, and ends', async () => {
      const queue = setting.queueOf();
      const paused$ = new BehaviorSubject(false);
      const first = await setting.consuming({ queue, paused$, prefetch: 5 });
      await publish('held');
      const held = await first.next();
      paused$.next(true);
      await sleep(100);
      await publish('for the other');
      const other = await setting.consuming({ queue });
      await expect.poll(other.bodies).toEqual(['for the other']);
      expect(held.ack()).toBe(true);
      other.messages[0]?.ack();
      other.end();
      await sleep(100);
      await publish('after');
      paused$.next(false);
      await expect.poll(first.bodies).toEqual(['held', 'after']);
    });

    it('continues on the next connection, and does not let the queue expire', async () => {
      const queue = setting.queueOf({ expiresMs: 400 });
      const paused$ = new BehaviorSubject(true);
      const { bodies, events } = await setting.consuming({ queue, paused$ });
      await setting.under.cutConnections();
      await expect.poll(() => events.filter(({ type }) => type === 'consuming').length).toBe(2);
      await publish('kept');
      await sleep(1_000);
      expect(bodies()).toEqual([]);
      paused$.next(false);
      await expect.poll(bodies).toEqual(['kept']);
    });

    it('that fails ends the stream with its error, and cannot be combined with a demand', async () => {
      const failing = setting.consuming({ paused$: throwError(() => new Error('no idea')) });
      await expect(failing).rejects.toThrow('no idea');
      const both = { paused$: new BehaviorSubject(true), demand$: new BehaviorSubject(1) };
      await expect(setting.consuming(both)).rejects.toMatchObject({ kind: 'invalid' });
    });
  });
}
