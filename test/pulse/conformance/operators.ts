import {
  concat,
  defer,
  EMPTY,
  filter,
  finalize,
  groupBy,
  map,
  merge,
  mergeMap,
  NEVER,
  retry,
  share,
  startWith,
  Subject,
  switchMap,
  take,
  takeUntil,
  tap,
  throwError,
  timer,
  type MonoTypeOperatorFunction,
  type Observable,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  binding,
  handle,
  type HandleOptions,
  type HandleResult,
  type PulseMessage,
} from '../../../src/pulse/index.ts';
import type { Setting } from './setting.ts';

type Between = MonoTypeOperatorFunction<PulseMessage>;

/** What stands between `consume` and `handle`, and passes the same messages on. */
const THROUGH: readonly [string, Between][] = [
  ['nothing', source$ => source$],
  ['tap', tap(() => undefined)],
  ['filter', filter(() => true)],
  ['map', map(message => message)],
  [
    'several',
    source$ =>
      source$.pipe(
        tap(),
        filter(Boolean),
        finalize(() => undefined),
        takeUntil(NEVER),
      ),
  ],
  ['startWith', source$ => source$.pipe(startWith<PulseMessage, PulseMessage[]>(...[]))],
  ['merge', source$ => merge(source$, NEVER)],
  ['concat, later', source$ => concat(timer(5).pipe(switchMap(() => EMPTY)), source$)],
  ['switchMap, later', source$ => timer(5).pipe(switchMap(() => source$))],
  ['defer', source$ => defer(async () => 1).pipe(mergeMap(() => source$))],
  [
    'retry, the second time',
    source$ => {
      let failed = false;
      const once$ = defer(() => {
        if (failed) return source$;
        failed = true;
        return throwError(() => new Error('the first time'));
      });
      return once$.pipe(retry({ delay: () => timer(1) }));
    },
  ],
];

/** What gives messages to others than those who subscribed to `consume`. */
const SHARED: readonly [string, Between][] = [
  ['share', share()],
  [
    'a Subject',
    source$ =>
      defer(() => {
        const messages$ = new Subject<PulseMessage>();
        const feeding = source$.subscribe(messages$);
        return messages$.pipe(
          finalize(() => {
            feeding.unsubscribe();
          }),
        );
      }),
  ],
];

export function operators(setting: Setting): void {
  const strict = () => binding(setting.exchange, '#', body => (body === 'bad' ? ['/ is bad'] : []));

  /** Handles what a queue of its own gets, with something between. */
  const handled = (
    between: Between,
    options: HandleOptions,
    queue = setting.queueOf({ deadLetter: true }),
  ) => {
    const handledBodies: unknown[] = [];
    const results$ = setting.pulse.consume({ queue, bindings: [strict()] }).pipe(
      between,
      handle(({ body }) => void handledBodies.push(body), options),
    );
    return { queue, handledBodies, ...monitorQueue(results$) };
  };
  const monitorQueue = (results$: Observable<HandleResult<PulseMessage>>) => {
    const ended = Promise.withResolvers<unknown>();
    const leave$ = new Subject<void>();
    results$.pipe(takeUntil(leave$)).subscribe({
      error: ended.resolve,
      complete: () => {
        ended.resolve('complete');
      },
    });
    return {
      ended: ended.promise,
      leave: () => {
        leave$.next();
      },
    };
  };
  const consumers = async (queue = setting.queueOf()) =>
    (await setting.pulse.queue(queue).inspect())?.consumers ?? 0;

  describe('handle after', () => {
    it.each(THROUGH)('%s settles bad messages as requested', async (_, between) => {
      const seen: unknown[] = [];
      const onBadMessage = (_: unknown, problems: readonly string[]) => {
        seen.push(problems);
        return 'ack' as const;
      };
      const { queue, handledBodies, leave } = handled(between, { onBadMessage });
      await expect.poll(() => consumers(queue)).toBe(1);
      await setting.pulse.publish(setting.exchange, 'k', 'bad');
      await setting.pulse.publish(setting.exchange, 'k', 'good');
      await expect.poll(() => handledBodies).toEqual(['good']);
      expect(seen).toEqual([['/ is bad']]);
      leave();
      await expect.poll(() => consumers(queue)).toBe(0);
      // Rejected it would be a dead letter.
      const dead = queue.deadLetter?.queue;
      expect(dead && (await setting.pulse.queue(dead).inspect())?.messages).toBe(0);
    });

    it.each(THROUGH)('%s requires a queue of dead letters', async (_, between) => {
      const queue = setting.queueOf();
      // At once where that can be known, else when it is subscribed.
      const error = await Promise.resolve()
        .then(() => handled(between, { deadLetter: true }, queue).ended)
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ kind: 'invalid', message: expect.stringContaining('no dead letters') });
      expect(await setting.pulse.queue(queue).inspect()).toBeUndefined();
    });

    it.each(THROUGH)('%s does not try more often than the queue permits', async (_, between) => {
      const queue = setting.queueOf({ quorum: true, deliveryLimit: 3 });
      const error = await Promise.resolve()
        .then(() => handled(between, { retry: { attempts: 4 } }, queue).ended)
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        kind: 'invalid',
        message: expect.stringContaining('retry.attempts is 4'),
      });
    });

    it.each(THROUGH)('%s requests twice as many messages as it handles at a time', async (_, between) => {
      const queue = setting.queueOf();
      let started = 0;
      const { leave } = monitorQueue(
        setting.pulse.consume({ queue, bindings: [strict()] }).pipe(
          between,
          handle(
            () => {
              started++;
              return new Promise(() => undefined);
            },
            { concurrency: 12 },
          ),
        ),
      );
      await expect.poll(() => consumers(queue)).toBe(1);
      await Promise.all(
        Array.from({ length: 40 }, (_, n) => setting.pulse.publish(setting.exchange, 'k', n)),
      );
      await expect.poll(() => started).toBe(12);
      await expect.poll(async () => (await setting.pulse.queue(queue).inspect())?.messages).toBe(16);
      leave();
    });

    it('a merge of two consumers settles the bad messages of both', async () => {
      const queues = [setting.queueOf({ deadLetter: true }), setting.queueOf({ deadLetter: true })];
      const all = queues.map(queue => setting.pulse.consume({ queue, bindings: [strict()] }));
      let handledCount = 0;
      const { leave } = monitorQueue(
        merge(...all).pipe(handle(() => void handledCount++, { onBadMessage: 'ack', deadLetter: true })),
      );
      for (const queue of queues) await expect.poll(() => consumers(queue)).toBe(1);
      for (const body of ['bad', 'good']) await setting.pulse.publish(setting.exchange, 'k', body);
      await expect.poll(() => handledCount).toBe(2);
      leave();
      for (const { deadLetter } of queues) {
        expect(deadLetter && (await setting.pulse.queue(deadLetter.queue).inspect())?.messages).toBe(0);
      }
    });

    it.each(SHARED)(
      '%s reports that bad messages cannot be settled by its policy, and loses none',
      async (_, between) => {
        const { queue, handledBodies, ended } = handled(between, { onBadMessage: 'ack' });
        await expect.poll(() => consumers(queue)).toBe(1);
        await setting.pulse.publish(setting.exchange, 'k', 'good');
        expect(await ended).toMatchObject({
          kind: 'invalid',
          message: expect.stringMatching(/onBadMessage.*give it to consume/),
        });
        expect(handledBodies).toEqual([]);
        await expect.poll(async () => (await setting.pulse.queue(queue).inspect())?.messages).toBe(1);
      },
    );

    it.each(SHARED)(
      '%s requires a queue of dead letters as soon as the first message shows that there is none',
      async (_, between) => {
        const { queue, ended } = handled(between, { deadLetter: true }, setting.queueOf());
        await expect.poll(() => consumers(queue)).toBe(1);
        await setting.pulse.publish(setting.exchange, 'k', 'good');
        expect(await ended).toMatchObject({
          kind: 'invalid',
          message: expect.stringContaining('no dead letters'),
        });
        await expect.poll(async () => (await setting.pulse.queue(queue).inspect())?.messages).toBe(1);
      },
    );

    it('groupBy handles each group if it requires nothing of the consumer', async () => {
      const queue = setting.queueOf();
      const bodies: unknown[] = [];
      const { leave } = monitorQueue(
        setting.pulse.consume({ queue, bindings: [strict()] }).pipe(
          groupBy(({ routingKey }) => routingKey),
          mergeMap(group$ => group$.pipe(handle(({ body }) => void bodies.push(body)))),
          take(10),
        ),
      );
      await expect.poll(() => consumers(queue)).toBe(1);
      for (const n of [1, 2, 3]) await setting.pulse.publish(setting.exchange, `k${n}`, n);
      await expect.poll(() => bodies).toEqual([1, 2, 3]);
      leave();
    });
  });
}
