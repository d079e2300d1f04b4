import { describe, expect, it } from 'vitest';
import { QueueError } from '../../../src/queue/index.ts';
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
    ['a wrong payload', new TaskError('malformed-payload', 'x'), 'malformed-payload'],
    ['an exit code to be run again for', new TaskError('intermittent-task', 'x'), 'intermittent-task'],
    ['an upload that failed', new TaskError('resource-unavailable', 'x'), 'resource-unavailable'],
    ['a fault of the worker', new TaskError('internal-error', 'x'), 'internal-error'],
    ['two artifacts of one name', new QueueError('conflict', 'x', 409), 'malformed-payload'],
    ['an artifact that the queue does not take', new QueueError('refused', 'x', 400), 'malformed-payload'],
    ['a queue that is out of order', new QueueError('unavailable', 'x', 503), 'resource-unavailable'],
    ['a queue that can not be reached', new QueueError('unreachable', 'x'), 'resource-unavailable'],
    ['a queue that forbids it', new QueueError('forbidden', 'x', 403), 'resource-unavailable'],
  ])('%s: exception, %3$s', (_, error, reason) => {
    expect(outcomeOf(error)).toEqual({ result: 'exception', reason, message: 'x' });
  });

  it.each([
    ['a mistake in the program', new TypeError('x is not a function'), 'internal error: x is not a function'],
    [
      'a full disk',
      Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' }),
      'internal error: ENOSPC: no space left',
    ],
    ['no error at all', 'thrown', 'internal error: thrown'],
    ['nothing', undefined, 'internal error: undefined'],
  ])('%s: exception, internal-error', (_, error, message) => {
    expect(outcomeOf(error)).toEqual({ result: 'exception', reason: 'internal-error', message });
  });
});
