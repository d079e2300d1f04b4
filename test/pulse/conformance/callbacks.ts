/* eslint-disable @typescript-eslint/only-throw-error, @typescript-eslint/prefer-promise-reject-errors --
   callbacks of others throw whatever they like, and that is what is tried here */
import { firstValueFrom, filter } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  binding,
  handle,
  type AroundPublish,
  type PublishResult,
  type PulseOptions,
} from '../../../src/pulse/index.ts';
import type { Setting } from './setting.ts';

/** What has no text: `String` of it throws. */
const nameless: unknown = Object.create(null);

/** What somebody may have around a message, and what the message's result is then. */
const AROUNDS: readonly [string, AroundPublish, PublishResult['status'], number][] = [
  [
    'throws',
    () => {
      throw new Error('oh');
    },
    'refused',
    0,
  ],
  [
    'throws something without a text',
    () => {
      throw nameless;
    },
    'refused',
    0,
  ],
  [
    'rejects',
    async () => {
      throw new Error('oh');
    },
    'refused',
    0,
  ],
  ['rejects with nothing', () => Promise.reject(), 'refused', 0],
  ['returns nothing', () => undefined as never, 'refused', 0],
  ['never sends, and says it did not', async () => ({}) as never, 'refused', 0],
  [
    'sends, and throws',
    (_, send) => {
      void send();
      throw new Error('oh');
    },
    'confirmed',
    1,
  ],
  [
    'sends, and rejects',
    async (_, send) => {
      await send();
      throw new Error('oh');
    },
    'confirmed',
    1,
  ],
  [
    'sends, and returns nothing',
    async (_, send) => {
      await send();
      return undefined as never;
    },
    'confirmed',
    1,
  ],
  [
    'sends twice',
    async (_, send) => {
      await send();
      return send();
    },
    'refused',
    1,
  ],
  ['sends twice at once', async (_, send) => (await Promise.all([send(), send()]))[0], 'confirmed', 1],
  ['adds what is no header', (_, send) => send(1n as never), 'confirmed', 1],
];

export function callbacks(setting: Setting): void {
  const connected = async (options: PulseOptions) => {
    const { bodies } = await setting.consuming();
    return { pulse: setting.under.connect(options), bodies };
  };

  describe('a callback', () => {
    it.each(AROUNDS)(
      'for aroundPublish that %s never makes send reject',
      async (_, aroundPublish, status, sent) => {
        const { pulse, bodies } = await connected({ aroundPublish });
        const result = await pulse.tryPublish(setting.exchange, 'k', 'around');
        expect(result).toMatchObject({ status, ...(status === 'refused' && { error: { kind: 'invalid' } }) });
        const typed = await pulse.publisher(setting.exchange).tryPublish('k', 'around too');
        expect(typed.status).toBe(status);
        if (status === 'refused') {
          await expect(pulse.publish(setting.exchange, 'k', 1)).rejects.toMatchObject({ kind: 'invalid' });
        }
        await setting.pulse.publish(setting.exchange, 'k', 'last');
        await expect.poll(() => bodies().at(-1)).toBe('last');
        const around = bodies().filter(body => body === 'around');
        expect(around).toHaveLength(sent);
        await pulse.close();
      },
    );

    it('for aroundPublish that fails after sending causes a warning', async () => {
      const { pulse } = await connected({
        aroundPublish: async (_, send) => {
          await send();
          throw new Error('after all');
        },
      });
      const warned = firstValueFrom(pulse.warnings$);
      expect(await pulse.tryPublish(setting.exchange, 'k', 1)).toEqual({ status: 'confirmed' });
      expect(await warned).toMatchObject({
        type: 'around-failed',
        exchange: setting.exchange,
        routingKey: 'k',
        error: { message: 'after all' },
      });
      await pulse.close();
    });

    it.each([
      ['options that are none', null],
      ['routes that are none', { routes: 7 }],
      ['routes that are no texts', { routes: [7] }],
      ['a schema that is none', { schema: { type: 'nonsense' } }],
      [
        'a check that throws something without a text',
        {
          schema: () => {
            throw nameless;
          },
        },
      ],
      ['a check that returns nothing', { schema: () => undefined }],
    ])('for publishing with %s gets an error that says so', async (_, options) => {
      const { pulse, bodies } = await connected({});
      expect(await pulse.tryPublish(setting.exchange, 'k', 1, options as never)).toMatchObject({
        status: 'refused',
        error: { kind: 'invalid' },
      });
      expect(await pulse.tryPublish(setting.exchange, 'k', 2)).toEqual({ status: 'confirmed' });
      await expect.poll(bodies).toEqual([2]);
      await pulse.close();
    });

    it('in a body that throws something without a text makes the message refused', async () => {
      const toJSON = () => {
        throw nameless;
      };
      expect(await setting.pulse.tryPublish(setting.exchange, 'k', { toJSON })).toMatchObject({
        status: 'refused',
        error: { kind: 'invalid' },
      });
    });

    it.each([
      [
        'throws nothing',
        () => {
          throw undefined;
        },
        'undefined',
      ],
      [
        'throws a text',
        () => {
          throw 'sealed';
        },
        'sealed',
      ],
      [
        'throws something without a text',
        () => {
          throw nameless;
        },
        'no text',
      ],
      ['rejects with nothing', () => Promise.reject(), 'undefined'],
      ['gives nothing', () => undefined as never, 'the function returned no user'],
    ])('for credentials that %s is called again', async (_, credentials, says) => {
      const { user, password } = setting.under.login;
      let asked = 0;
      const pulse = setting.under.connect({
        credentials: () => (++asked === 1 ? credentials() : { user, password }),
      });
      const waiting = await firstValueFrom(pulse.state$.pipe(filter(state => state.name === 'waiting')));
      expect(waiting.error).toMatchObject({ kind: 'connection', message: expect.stringContaining(says) });
      await pulse.ready();
      await pulse.close();
    });

    it.each([
      [
        'throws nothing',
        () => {
          throw undefined;
        },
      ],
      [
        'throws something without a text',
        () => {
          throw nameless;
        },
      ],
      [
        'returns what throws when it is looked at',
        () => ({
          get then() {
            throw nameless;
          },
        }),
      ],
      [
        'returns a promise of its own that throws',
        () => ({
          then: () => {
            throw nameless;
          },
        }),
      ],
      [
        'returns a promise of its own that says two things',
        () => ({
          then: (done: () => void, failed: (error: unknown) => void) => {
            failed(new Error('first'));
            done();
            done();
          },
        }),
      ],
    ])('for handling messages that %s fails only for that message', async (_, handler) => {
      const queue = setting.queueOf();
      const outcomes: unknown[] = [];
      const handling = setting.pulse
        .consume({ queue, bindings: [binding(setting.exchange, '#')] })
        .pipe(handle(({ body }) => (body === 'odd' ? handler() : undefined), { retry: false }))
        .subscribe(({ message, outcome }) => outcomes.push([message.body, outcome]));
      await expect.poll(async () => (await setting.pulse.queue(queue).inspect())?.consumers).toBe(1);
      for (const body of ['odd', 'even']) await setting.pulse.publish(setting.exchange, 'k', body);
      await expect.poll(() => outcomes.length).toBe(2);
      expect(outcomes).toContainEqual(['odd', 'rejected']);
      expect(outcomes).toContainEqual(['even', 'acked']);
      handling.unsubscribe();
    });

    it('for onBadMessage that returns nothing useful is not called again', async () => {
      const answers: unknown[] = [
        undefined,
        7,
        Promise.reject(new Error('late')),
        {
          get then() {
            throw nameless;
          },
        },
      ];
      (answers[2] as Promise<unknown>).catch(() => undefined);
      const all = [...answers];
      const queue = setting.queueOf();
      const { bodies } = await setting.consuming({
        queue,
        bindings: [binding(setting.exchange, '#', body => (body === 'bad' ? ['bad'] : []))],
        onBadMessage: () => answers.shift() as never,
      });
      for (const body of [...all.map(() => 'bad'), 'good'])
        await setting.pulse.publish(setting.exchange, 'k', body);
      await expect.poll(bodies).toEqual(['good']);
      expect((await setting.pulse.queue(queue).inspect())?.messages).toBe(0);
    });

    it('for previous bindings that returns nothing useful is reported', async () => {
      for (const previousBindings of [() => undefined, () => 7, () => [undefined], [null]]) {
        const { events, end } = await setting.consuming({
          queue: setting.queueOf(),
          previousBindings: previousBindings as never,
        });
        expect(events.map(({ type }) => type)).toEqual(['not-reconciled', 'consuming']);
        end();
      }
    });
  });
}
