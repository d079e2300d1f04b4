import type { Observable } from 'rxjs';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { binding, type BindingKey, type PulseMessage } from '../../../src/pulse/index.ts';
import type { Setting } from './setting.ts';

interface Thing {
  readonly id: number;
}

export function bindings(setting: Setting): void {
  const publish = (key: string, body: unknown, routes: readonly string[] = []) =>
    setting.pulse.publish(setting.exchange, key, body, { routes });

  describe('a message', () => {
    it('shows through which bindings it came: first by its routing key, then by its CC keys', async () => {
      const { exchange, consuming } = setting;
      const [byRoute, byKey, other] = ['route.index.#', 'created.*', 'deleted.*'].map(pattern =>
        binding(exchange, pattern),
      );
      if (!byRoute || !byKey || !other) throw new Error('three bindings');
      const { next } = await consuming({ bindings: [byRoute, byKey, other] });
      await publish('created.1', {}, ['route.index.x']);
      await publish('touched.1', {}, ['route.index.y']);
      const both = await next();
      expect(both.bindings).toEqual([byKey, byRoute]);
      expect(both.binding).toBe(byKey);
      expect(both.cameBy(other)).toBe(false);
      const routed = await next();
      expect(routed.bindings).toEqual([byRoute]);
    });

    it('has the type of its binding, or with several bindings that of the one it is tested for', async () => {
      const { pulse, exchange } = setting;
      const created = binding<Thing>(exchange, 'created.*');
      const renamed = binding<{ readonly name: string }>(exchange, 'renamed.*');
      const one$ = pulse.consume({ queue: setting.queueOf(), bindings: [created] });
      expectTypeOf(one$).toEqualTypeOf<Observable<PulseMessage<Thing>>>();
      const both$ = pulse.consume({ queue: setting.queueOf(), bindings: [created, renamed] });
      const names: string[] = [];
      const subscription = both$.subscribe(message => {
        if (message.cameBy(created)) names.push(`created ${message.body.id}`);
        else if (message.cameBy(renamed)) names.push(`renamed ${message.body.name}`);
      });
      await expect
        .poll(async () => {
          await publish('created.1', { id: 1 });
          await publish('renamed.1', { name: 'one' });
          return names;
        })
        .toContain('renamed one');
      expect(names).toContain('created 1');
      subscription.unsubscribe();
    });

    it('that matches several bindings is good if one of them accepts it, and came through that one', async () => {
      const { exchange, consuming } = setting;
      const numbers = binding(exchange, 'a.*', { type: 'number' });
      const texts = binding(exchange, '*.b', { type: 'string' });
      const { next, events } = await consuming({ bindings: [numbers, texts] });
      await publish('a.b', 'text');
      await publish('a.b', true);
      await publish('a.b', 1);
      expect((await next()).bindings).toEqual([texts]);
      expect((await next()).bindings).toEqual([numbers]);
      expect(events).toContainEqual(
        expect.objectContaining({
          type: 'bad-message',
          problems: ['/ must be number', '/ must be string'],
        }),
      );
    });
  });

  describe('a named queue that previously had other bindings', () => {
    const old = ['old.#', 'kept.#'];

    it.each(['a list', 'a function'])('loses the bindings that are no longer requested: %s', async by => {
      const { pulse, exchange, consuming, queueOf } = setting;
      const spec = queueOf();
      const before: BindingKey[] = old.map(pattern => ({ exchange, pattern }));
      await pulse.queue(spec).declare(before);
      // As a management API lists them: the default exchange binds every queue.
      const listed = [
        ...before,
        { exchange: '', pattern: spec.nameFor('x') },
        { exchange: `${exchange}-gone`, pattern: 'gone.#' },
      ];
      const { bodies, events } = await consuming({
        queue: spec,
        bindings: [binding(exchange, 'kept.#'), binding(exchange, 'new.#')],
        previousBindings: by === 'a list' ? listed : async () => listed,
      });
      for (const key of ['old.1', 'kept.1', 'new.1']) await publish(key, key);
      await expect.poll(bodies).toEqual(['kept.1', 'new.1']);
      const unbound = events.flatMap(event => (event.type === 'unbound' ? [event.binding.pattern] : []));
      expect(unbound).toEqual(['old.#', 'gone.#']);
    });

    it('is consumed even if the other bindings cannot be determined', async () => {
      const { bodies, events } = await setting.consuming({
        queue: setting.queueOf(),
        previousBindings: () => {
          throw new Error('no management API here');
        },
      });
      await publish('k', 1);
      await expect.poll(bodies).toEqual([1]);
      expect(events.map(({ type }) => type)).toEqual(['not-reconciled', 'consuming']);
    });
  });
}
