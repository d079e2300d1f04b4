import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { binding, type PublishOptions } from '../../../src/pulse/index.ts';
import type { Setting } from './setting.ts';

interface Sending {
  readonly key: string;
  readonly body: unknown;
  readonly options: PublishOptions;
}

/** Ids that somebody gives twice, keys that are wanted and not, bodies that are alike. */
const sendings: fc.Arbitrary<Sending> = fc.record({
  key: fc.constantFrom('wanted.1', 'wanted.2', 'unwanted.1', 'unwanted.2', 'unwanted.\u00fc'),
  body: fc.constantFrom(1, 2, 'x', {}),
  options: fc.record({
    mandatory: fc.constantFrom(true, true, true, undefined),
    messageId: fc.constantFrom('same', 'other', '', '\u00fc', undefined),
    routes: fc.constantFrom(undefined, ['wanted.3'], ['unwanted.3']),
    headers: fc.constantFrom(undefined, { a: 1 }, { a: 2 }),
  }),
});

const statusOf = ({ key, options: { mandatory, routes = [] } }: Sending) =>
  !mandatory || [key, ...routes].some(one => one.startsWith('wanted')) ? 'confirmed' : 'returned';

export function returned(setting: Setting): void {
  describe('a returned message', () => {
    it('is identified correctly, whatever ids the messages have', async () => {
      const { pulse, exchange, queueOf } = setting;
      const queue = pulse.queue(queueOf({ maxLength: 100_000 }));
      await queue.declare([binding(exchange, 'wanted.#')]);
      await fc.assert(
        fc.asyncProperty(fc.array(sendings, { minLength: 1, maxLength: 200 }), async all => {
          const results = await Promise.all(
            all.map(({ key, body, options }) => pulse.tryPublish(exchange, key, body, options)),
          );
          expect(results.map(({ status }) => status)).toEqual(all.map(statusOf));
        }),
        { numRuns: 50 },
      );
      await queue.delete();
    });

    it('does not change the order of messages, even if some must wait for others that look the same', async () => {
      const { pulse, exchange, consuming } = setting;
      const { bodies, messages } = await consuming({ prefetch: 100 });
      const options = { mandatory: true, messageId: 'same' };
      const all = Array.from({ length: 60 }, (_, n) => Math.floor(n / 3));
      await Promise.all(
        all.map((body, n) => pulse.tryPublish(exchange, `k${n % 2}`, body, n % 5 === 0 ? {} : options)),
      );
      await expect.poll(bodies).toEqual(all);
      expect(messages.map(({ routingKey }) => routingKey)).toEqual(all.map((_, n) => `k${n % 2}`));
    });
  });
}
