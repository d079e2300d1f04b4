import { setTimeout as sleep } from 'node:timers/promises';
import { BehaviorSubject, filter, firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { binding, ephemeralQueue, type ConsumerEvent, type QueueSpec } from '../../../src/pulse/index.ts';
import type { Setting } from './setting.ts';

export function ephemeral(setting: Setting): void {
  const publish = (body: unknown) => setting.pulse.publish(setting.exchange, 'k', body);
  const typesOf = (events: readonly ConsumerEvent[]) => events.map(({ type }) => type);

  describe('losing the connection', () => {
    it('is followed by consuming again, and an ephemeral queue reports the gap', async () => {
      const { next, events } = await setting.consuming();
      const waiting = firstValueFrom(setting.pulse.state$.pipe(filter(({ name }) => name === 'waiting')));
      await setting.under.cutConnections();
      await waiting;
      await expect.poll(() => typesOf(events)).toContain('gap');
      await publish('after');
      expect((await next()).body).toBe('after');
      await expect.poll(() => typesOf(events)).toEqual(['consuming', 'interrupted', 'gap', 'consuming']);
    });

    it('does not lose the messages that a named queue receives meanwhile', async () => {
      const queue = setting.queueOf();
      await setting.backlog(queue, ['meanwhile']);
      const { bodies, events } = await setting.consuming({ queue });
      await expect.poll(bodies).toEqual(['meanwhile']);
      expect(typesOf(events)).toEqual(['consuming']);
    });

    it('does not lose the messages that a named queue receives without its consumer, and reports no gap', async () => {
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

    it('is survived 100 times without a lock (405) on the queue', async () => {
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

  describe('an ephemeral queue', () => {
    /** One whose names are known, consumed or not. */
    const named = (): { queue: QueueSpec; names: readonly string[] } => {
      const names: string[] = [];
      const spec = ephemeralQueue('test');
      const nameFor = (namespace: string) => {
        const name = spec.nameFor(namespace);
        names.push(name);
        return name;
      };
      // So late that it is not why a queue goes.
      return { queue: { ...spec, nameFor, options: { ...spec.options, expiresMs: 600_000 } }, names };
    };
    /** What the broker says of queues to another connection: `locked` while there is one. */
    const states = async (names: readonly string[]) => {
      const connection = await setting.under.transport.connect(setting.under.login);
      const kinds = await Promise.all(
        names.map(async name => {
          const channel = await connection.openChannel({ confirms: false });
          const bound = channel.bindQueue(name, setting.exchange, '#');
          return bound.then(
            () => 'bound',
            (error: unknown) => (error as { kind: string }).kind,
          );
        }),
      );
      await connection.close();
      return new Set(kinds);
    };

    it('is removed when its consumer is unsubscribed', async () => {
      const { queue, names } = named();
      const { end } = await setting.consuming({ queue });
      expect(await states(names)).toEqual(new Set(['locked']));
      end();
      await expect.poll(() => states(names)).toEqual(new Set(['not-found']));
    });

    it('is removed when one of its bindings is refused', async () => {
      const { queue, names } = named();
      const bindings = [setting.exchange, `${setting.exchange}-misspelt`].map(name => binding(name, '#'));
      await expect(setting.consuming({ queue, bindings })).rejects.toMatchObject({ kind: 'not-found' });
      await expect.poll(() => states(names)).toEqual(new Set(['not-found']));
    });

    it.each(['a prefetch', 'a demand that pauses'])(
      'is removed if it is abandoned before it was consumed, after any number of turns: %s',
      async by => {
        const { queue, names } = named();
        for (let moment = 0; moment < 20; moment++) {
          const subscription = setting.pulse
            .consume({
              queue,
              bindings: [binding(setting.exchange, '#')],
              ...(by !== 'a prefetch' && { demand$: new BehaviorSubject(0) }),
            })
            .subscribe();
          await sleep(moment / 4);
          subscription.unsubscribe();
        }
        await sleep(200);
        // One that is left within the first turn may never have had a queue.
        expect(names.length).toBeGreaterThan(15);
        await expect.poll(() => states(names)).toEqual(new Set(['not-found']));
      },
    );

    it('reports the gap before the first message of the new queue', async () => {
      const { under, pulse, exchange } = setting;
      const order: string[] = [];
      const subscription = pulse
        .consume({
          queue: ephemeralQueue('test'),
          bindings: [binding(exchange, '#')],
          prefetch: 100,
          onEvent: ({ type }) => order.push(type),
        })
        .subscribe(message => {
          order.push('message');
          message.ack();
        });
      const received = () => order.filter(what => what === 'message').length;
      const gaps = () => order.filter(what => what === 'gap').length;
      const another = under.connect();
      let going = true;
      const traffic = (async () => {
        while (going)
          await Promise.all(Array.from({ length: 20 }, () => another.tryPublish(exchange, 'k', 1)));
      })();
      for (let cut = 1; cut <= 5; cut++) {
        await expect.poll(received).toBeGreaterThan(0);
        await under.cutConnections();
        await expect.poll(gaps).toBe(cut);
        const before = received();
        await expect.poll(received).toBeGreaterThan(before);
      }
      going = false;
      await traffic;
      subscription.unsubscribe();
      await another.close();
      const afterInterruptions = order.flatMap((what, at) => (what === 'interrupted' ? order[at + 1] : []));
      expect(new Set(afterInterruptions)).toEqual(new Set(['gap']));
    });

    it('keeps the newest messages if it has a maximum length', async () => {
      const { next, bodies } = await setting.consuming({
        queue: ephemeralQueue('test', { maxLength: 2 }),
        prefetch: 1,
      });
      for (const n of [1, 2, 3, 4, 5]) await publish(n);
      for (let n = 0; n < 3; n++) (await next()).ack();
      expect(bodies()).toEqual([1, 4, 5]);
    });
  });
}
