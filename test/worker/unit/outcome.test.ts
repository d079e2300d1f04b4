import { describe, expect, it } from 'vitest';
import { ServiceError } from '../../../src/taskcluster/index.ts';
import { CommandNotStarted } from '../../../src/worker/engines/engine.ts';
import { outcomeOf, TaskError } from '../../../src/worker/outcome.ts';

describe('how an error resolves a run', () => {
  it.each([
    ['a command that failed', new TaskError('task-failed', 'exit status 1'), 'failed'],
    ['a command that could not be started', new CommandNotStarted('no such file'), 'failed'],
  ])('%s: failed', (_, error, result) => {
    expect(outcomeOf(error)).toEqual({ result, message: error.message });
  });

  it.each([
    ['an invalid payload', new TaskError('malformed-payload', 'x'), 'malformed-payload'],
    ['an exit code that asks for a retry', new TaskError('intermittent-task', 'x'), 'intermittent-task'],
    ['an upload that failed', new TaskError('resource-unavailable', 'x'), 'resource-unavailable'],
    ['a bug of the worker', new TaskError('internal-error', 'x'), 'internal-error'],
    ['two artifacts of one name', new ServiceError('conflict', 'x', 409), 'malformed-payload'],
    [
      'an artifact that the queue does not accept',
      new ServiceError('refused', 'x', 400),
      'malformed-payload',
    ],
    ['an unavailable queue', new ServiceError('unavailable', 'x', 503), 'resource-unavailable'],
    ['an unreachable queue', new ServiceError('unreachable', 'x'), 'resource-unavailable'],
    ['a queue that forbids it', new ServiceError('forbidden', 'x', 403), 'resource-unavailable'],
  ])('%s: exception, %3$s', (_, error, reason) => {
    expect(outcomeOf(error)).toEqual({ result: 'exception', reason, message: 'x' });
  });

  it.each([
    ['ENOSPC', 'disk space'],
    ['EMFILE', 'file descriptors'],
    ['ENOMEM', 'memory'],
  ])(
    '%s, also as the cause of an error, means that the machine has failed: exception, resource-unavailable',
    (code, what) => {
      const error = Object.assign(new Error(`${code}: no more`), { code });
      for (const [thrown, message] of [
        [error, `${code}: no more`],
        [new Error('it failed', { cause: error }), 'it failed'],
        [new AggregateError([new Error('another one'), error], 'all failed'), 'all failed'],
      ] as const) {
        expect(outcomeOf(thrown)).toEqual({
          result: 'exception',
          reason: 'resource-unavailable',
          message: `this machine has run out of ${what}: ${message}`,
        });
      }
    },
  );

  it.each([
    ['a mistake in the program', new TypeError('x is not a function'), 'internal error: x is not a function'],
    ['no error at all', 'thrown', 'internal error: thrown'],
    ['nothing', undefined, 'internal error: undefined'],
  ])('%s: exception, internal-error', (_, error, message) => {
    expect(outcomeOf(error)).toEqual({ result: 'exception', reason: 'internal-error', message });
  });
});
