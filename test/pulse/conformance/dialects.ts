import { describe, expect, it } from 'vitest';
import { binding, type Dialect } from '../../../src/pulse/index.ts';
import type { Setting } from './setting.ts';

const DIALECTS: readonly Dialect[] = ['bare', 'mozillapulse', 'payload'];
const BODY = { payload: 'a word of mine', n: 1 };

export function dialects(setting: Setting): void {
  describe.each(DIALECTS)('the dialect %s', dialect => {
    it.each([dialect, 'auto' as const])('preserves a body that is read as %s', async readAs => {
      const { pulse, exchange, consuming } = setting;
      const { next } = await consuming({
        bindings: [binding(exchange, '#', undefined, { dialect: readAs })],
      });
      await pulse.publisher(exchange, { dialect }).publish('a.b', BODY);
      const message = await next();
      expect(message.body).toEqual(BODY);
      if (dialect === 'mozillapulse') {
        expect(message.meta).toMatchObject({ exchange, routing_key: 'a.b', serializer: 'json' });
        expect(Date.parse(message.meta?.sent ?? '')).toBeGreaterThan(Date.now() - 60_000);
      } else {
        expect(message.meta).toBeUndefined();
      }
    });

    it('produces the JSON that other programs expect', async () => {
      const { pulse, exchange, consuming } = setting;
      const { next } = await consuming();
      await pulse.tryPublish(exchange, 'k', BODY, { dialect });
      const { body } = await next();
      if (dialect === 'bare') expect(body).toEqual(BODY);
      else expect(body).toMatchObject({ payload: BODY });
      expect(Object.hasOwn(body as object, '_meta')).toBe(dialect === 'mozillapulse');
    });
  });

  it('a binding checks the content of the envelope, and a missing envelope is a bad body', async () => {
    const { pulse, exchange, consuming } = setting;
    const schema = { type: 'object', required: ['n'] };
    const { next, events } = await consuming({
      bindings: [binding(exchange, '#', schema, { dialect: 'mozillapulse' })],
    });
    await pulse.publish(exchange, 'k', { n: 1 });
    await pulse.publish(exchange, 'k', { payload: { n: 1 } });
    await pulse.publish(exchange, 'k', {}, { dialect: 'mozillapulse' });
    await pulse.publish(exchange, 'k', { n: 2 }, { dialect: 'mozillapulse' });
    expect((await next()).body).toEqual({ n: 2 });
    const problems = events.flatMap(event => (event.type === 'bad-message' ? [event.problems] : []));
    expect(problems).toEqual([['/payload is missing'], ['/_meta is missing'], ['/n is missing']]);
  });
}
