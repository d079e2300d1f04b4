import { setTimeout as sleep } from 'node:timers/promises';
import { filter, firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { ConsumerEvent } from '../../../src/pulse/index.ts';
import type { Setting } from './setting.ts';

export function ephemeral(setting: Setting): void {
  const publish = (body: unknown) => setting.pulse.publish(setting.exchange, 'k', body);
  const typesOf = (events: readonly ConsumerEvent[]) => events.map(({ type }) => type);

  describe('losing the connection', () => {
    it('consumes again by itself, and an ephemeral queue tells of the gap', async () => {
      const { next, events } = await setting.consuming();
      const waiting = firstValueFrom(setting.pulse.state$.pipe(filter(({ name }) => name === 'waiting')));
      await setting.under.cutConnections();
      await waiting;
      await expect.poll(() => typesOf(events)).toContain('gap');
      await publish('after');
      expect((await next()).body).toBe('after');
      expect(typesOf(events)).toEqual(['consuming', 'interrupted', 'gap', 'consuming']);
    });

    it('keeps what a named queue got meanwhile', async () => {
      const queue = setting.queueOf();
      await setting.backlog(queue, ['meanwhile']);
      const { bodies, events } = await setting.consuming({ queue });
      await expect.poll(bodies).toEqual(['meanwhile']);
      expect(typesOf(events)).toEqual(['consuming']);
    });

    it('keeps what a named queue gets while its consumer is away, and tells of no gap', async () => {
      const { under, consuming, queueOf } = setting;
      const { user, password } = under.login;
      const back = Promise.withResolvers<undefined>();
      let mayLogIn: Promise<unknown> = Promise.resolve();
      const away = under.connect({
        password: undefined,
        credentials: async () => {
          await mayLogIn;
          return { user, password };
        },
      });
      const { bodies, events } = await consuming({ queue: queueOf() }, away);
      mayLogIn = back.promise;
      await under.cutConnections();
      await expect.poll(() => typesOf(events)).toContain('interrupted');
      await publish('meanwhile');
      back.resolve(undefined);
      await expect.poll(bodies).toEqual(['meanwhile']);
      expect(typesOf(events)).toEqual(['consuming', 'interrupted', 'consuming']);
      await away.close(0);
    });

    it('survives 100 cuts without a lock (405) on its queue', async () => {
      const { under } = setting;
      const pulse = under.connect({ backoff: { baseMs: 1, capMs: 5 } });
      const { bodies } = await setting.consuming({}, pulse);
      for (let n = 0; n < 100; n++) {
        const lost = firstValueFrom(pulse.state$.pipe(filter(state => state.name === 'waiting')));
        await under.cutConnections();
        await lost;
        await firstValueFrom(pulse.state$.pipe(filter(state => state.name === 'connected')));
      }
      await expect
        .poll(async () => {
          await publish('still here');
          await sleep(50);
          return bodies();
        })
        .toContain('still here');
      await pulse.close(0);
    });
  });
}
