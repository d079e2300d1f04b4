import { describe, expect, it } from 'vitest';

import { fillIn, parametersOf } from '../../src/local/auth/scope-template.ts';
import { queueApi } from '../../src/taskcluster/index.ts';

describe('the scopes that a call needs', () => {
  it('contain the parameters of the call', () => {
    expect(fillIn('queue:resolve-task:<taskId>/<runId>', { taskId: 'T', runId: 3 })).toBe(
      'queue:resolve-task:T/3',
    );
  });

  it('contain one scope for each value of a list', () => {
    const template = { AllOf: [{ for: 'route', in: 'routes', each: 'queue:route:<route>' }, 'queue:x:<a>'] };
    expect(fillIn(template, { routes: ['r.1', 'r.2'], a: 'A' })).toEqual({
      AllOf: ['queue:route:r.1', 'queue:route:r.2', 'queue:x:A'],
    });
    expect(fillIn(template, { routes: [], a: 'A' })).toEqual({ AllOf: ['queue:x:A'] });
  });

  it('are an error with a missing parameter', () => {
    expect(() => fillIn('queue:status:<taskId>', {})).toThrow('taskId');
    expect(() => fillIn({ AllOf: [{ for: 'a', in: 'as', each: '<a>' }] }, { a: 'A' })).toThrow('as');
  });

  it('list their parameters', () => {
    expect(new Set(parametersOf(queueApi.createTask.scopes ?? ''))).toEqual(
      new Set(['scopes', 'routes', 'projectId', 'schedulerId', 'priorities', 'provisionerId', 'workerType']),
    );
  });

  it('can be rendered for every call of the queue', () => {
    for (const { scopes } of Object.values(queueApi)) {
      if (scopes === undefined) continue;
      const parameters = Object.fromEntries(
        parametersOf(scopes).map(name => [name, name.endsWith('s') ? ['v'] : 'v']),
      );
      expect(JSON.stringify(fillIn(scopes, parameters))).not.toContain('<');
    }
  });
});
