import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';

import {
  authExchanges,
  exchanges,
  queueExchanges,
  workerManagerExchanges,
  type TaskExceptionMessage,
  type WorkerRemovedMessage,
} from '../../src/exchanges/index.ts';
import { matchesPattern, PulseError, type Binding } from '../../src/pulse/index.ts';

describe('the catalogue of exchanges', () => {
  it('contains the 36 exchanges of the six services, each once', () => {
    expect(new Set(exchanges.map(({ exchange }) => exchange)).size).toBe(36);
    const services = Object.groupBy(exchanges, ({ service }) => service);
    expect(Object.entries(services).map(([service, list]) => [service, list?.length])).toEqual([
      ['auth', 6],
      ['github', 5],
      ['hooks', 3],
      ['notify', 1],
      ['queue', 11],
      ['worker-manager', 10],
    ]);
  });

  it('describes each with its service, name, exchange and routing key', () => {
    const [removed] = exchanges.filter(({ name }) => name === 'workerRemoved');
    expect({ ...removed }).toMatchObject({
      service: 'worker-manager',
      name: 'workerRemoved',
      exchange: 'exchange/taskcluster-worker-manager/v1/worker-removed',
    });
    expect(
      removed?.routingKey.map(({ name, required, multipleWords }) => [name, required, multipleWords]),
    ).toEqual([
      ['routingKeyKind', true, false],
      ['providerId', true, false],
      ['provisionerId', true, false],
      ['workerType', true, false],
      ['workerGroup', true, false],
      ['workerId', true, false],
      ['launchConfigId', false, false],
      ['reserved', false, true],
    ]);
  });
});

describe.each(exchanges.map(exchange => [exchange.exchange, exchange] as const))('%s', (_, exchange) => {
  const chosen = exchange.routingKey.filter(part => part.constant === undefined);

  /** A word for each part, and a choice of the parts to bind by. */
  const wordsAndChoice = fc.tuple(
    fc.record(Object.fromEntries(chosen.map(({ name }) => [name, fc.stringMatching(/^[a-z0-9-]{1,10}$/)]))),
    fc.subarray(chosen.map(({ name }) => name)),
  );

  it('creates a binding to itself that validates bodies', () => {
    expect(exchange().exchange).toBe(exchange.exchange);
    expect(exchange().problems?.(null)).toEqual(['/ must be object']);
    expect(exchange().pattern.split('.')).toHaveLength(exchange.routingKey.length);
  });

  it('creates a binding to exactly the messages with the given parts', () => {
    fc.assert(
      fc.property(wordsAndChoice, ([words, names]) => {
        const given = Object.fromEntries(names.map(name => [name, words[name] ?? '']));
        const { pattern } = exchange(given);
        expect(matchesPattern(pattern, exchange.build(words))).toBe(true);
        for (const name of names) {
          expect(matchesPattern(pattern, exchange.build({ ...words, [name]: 'something-else' }))).toBe(false);
        }
      }),
    );
  });
});

describe('a binding', () => {
  it('has the type of its messages', () => {
    expectTypeOf(queueExchanges.taskException()).toEqualTypeOf<Binding<TaskExceptionMessage>>();
    expectTypeOf(queueExchanges.taskException.route('x')).toEqualTypeOf<Binding<TaskExceptionMessage>>();
    expectTypeOf(workerManagerExchanges.workerRemoved()).toEqualTypeOf<Binding<WorkerRemovedMessage>>();
    expectTypeOf(queueExchanges.taskException).parameter(0).not.toHaveProperty('routingKeyKind');
  });

  it('has * for an omitted part, and # for the words at the end', () => {
    expect(queueExchanges.taskException({ workerGroup: 'rack-1', workerId: 'machine-7' }).pattern).toBe(
      'primary.*.*.rack-1.machine-7.*.*.*.*.#',
    );
    expect(queueExchanges.taskRunning({ runId: 0, workerType: '*' }).pattern).toBe(
      'primary.*.0.*.*.*.*.*.*.#',
    );
    expect(authExchanges.clientCreated().pattern).toBe('#');
  });

  it('treats an undefined part as omitted', () => {
    expect(queueExchanges.taskException({ workerId: undefined }).pattern).toBe(
      queueExchanges.taskException().pattern,
    );
  });

  it('accepts messages with fields added by a later Taskcluster, which validate refuses', () => {
    const message = { version: 1, taskGroupId: 'Wq3cJ8DbQ0eHkZ5uYt1mPA', schedulerId: 'example' };
    const body = { ...message, expires: '2026-11-21T22:18:35.491Z', added: true };
    expect(queueExchanges.taskGroupSealed().problems?.(body)).toEqual([]);
    expect(queueExchanges.taskGroupSealed.validate(body)).toEqual(['/added is not a known property']);
    expect(queueExchanges.taskGroupSealed().problems?.({ ...message, added: true })).toEqual([
      '/expires is missing',
    ]);
  });

  it('may be for a route of a task, which may be a pattern', () => {
    expect(queueExchanges.taskPending.route('index.project.#')).toMatchObject({
      exchange: 'exchange/taskcluster-queue/v1/task-pending',
      pattern: 'route.index.project.#',
    });
    expect(queueExchanges.taskPending.route('x').problems?.({})).toContain('/status is missing');
  });

  it.each<[string, () => unknown, string]>([
    [
      'that the exchange does not have',
      () => queueExchanges.taskPending({ workergroup: 'x' } as never),
      'no part workergroup',
    ],
    [
      'that is fixed',
      () => queueExchanges.taskPending({ routingKeyKind: 'x' } as never),
      'no part routingKeyKind',
    ],
    ['with a dot', () => queueExchanges.taskPending({ workerId: 'a.b' }), 'cannot have a dot: a.b'],
    ['that is empty', () => queueExchanges.taskPending({ workerId: '' }), 'workerId is empty'],
    [
      'of one word that would match several',
      () => queueExchanges.taskPending({ workerId: '#' }),
      'use * for any word',
    ],
    ['that makes it too long', () => queueExchanges.taskPending({ workerId: 'x'.repeat(240) }), 'too long'],
  ])('refuses a part %s', (_, action, words) => {
    expect(action).toThrow(PulseError);
    expect(action).toThrow(words);
  });

  it('refuses a route that makes it too long', () => {
    expect(() => queueExchanges.taskPending.route('x'.repeat(250))).toThrow('too long');
  });
});
