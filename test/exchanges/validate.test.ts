import { execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

import { validator } from '../../src/base/index.ts';
import { exchanges, queueExchanges } from '../../src/exchanges/index.ts';
import taskException from './fixture/task-exception.json' with { type: 'json' };

const root = fileURLToPath(new URL('../..', import.meta.url));
const schemas = globSync('taskcluster/**/*.json', { cwd: `${root}schemas` });

/** Some documents hold no rule of their own, only definitions that others refer to. */
function rulesIn(schema: string): string[] {
  const document = JSON.parse(readFileSync(`${root}schemas/${schema}`, 'utf8')) as Record<string, unknown>;
  const rules = Object.keys(document).filter(key => !key.startsWith('$'));
  return rules.join() === 'definitions'
    ? Object.keys(document.definitions as object).map(name => `${schema}#/definitions/${name}`)
    : [schema];
}

describe('a message', () => {
  it('has no problems if it is as the queue sends it', () => {
    expect(queueExchanges.taskException.validate(taskException)).toEqual([]);
  });

  it('is refused by every exchange if it is not an object', () => {
    expect(exchanges.length).toBeGreaterThan(0);
    for (const exchange of exchanges) expect(exchange.validate(null)).toEqual(['/ must be object']);
  });

  it('is reported with the path of each problem', () => {
    const { taskId: _, ...status } = taskException.status;
    const [run] = status.runs;
    const broken = {
      ...taskException,
      runId: '0',
      'a/b~c': true,
      status: { ...status, runs: [{ ...run, state: 'asleep', started: 'yesterday' }] },
    };
    expect(queueExchanges.taskException.validate(broken).sort()).toEqual([
      '/a~1b~0c is not a known property',
      '/runId must be integer',
      '/status/runs/0/started must match format "date-time"',
      '/status/runs/0/state must be one of "pending", "running", "completed", "failed", "exception"',
      '/status/taskId is missing',
    ]);
  });

  it('is not changed by validation', () => {
    const { schedulerId: _, ...status } = taskException.status;
    const message = { ...taskException, status };
    expect(queueExchanges.taskException.validate(message)).toEqual(['/status/schedulerId is missing']);
    expect(message.status).not.toHaveProperty('schedulerId');
  });
});

describe('a schema', () => {
  it('exists for every exchange, and for the API', () => {
    expect(schemas).toEqual(expect.arrayContaining(exchanges.map(({ schema }) => schema)));
    expect(schemas).toContain('taskcluster/queue/v1/create-task-request.json');
  });

  it.each(schemas.flatMap(rulesIn))('compiles with all its references: %s', schema => {
    expect(validator(schema)('neither an object nor a list')).not.toEqual([]);
    expect(validator(schema, { fillDefaults: true })(1)).not.toEqual([]);
  });

  it('fills in its defaults if requested', () => {
    const request = {
      created: '2026-11-20T22:18:35.496Z',
      deadline: '2026-11-20T23:18:35.496Z',
      payload: {},
      metadata: { name: 'n', description: 'd', owner: 'o', source: 'https://example.com' },
    };
    const check = 'taskcluster/queue/v1/create-task-request.json';
    expect(validator(check)(request)).toEqual([]);
    expect(request).not.toHaveProperty('priority');
    expect(validator(check, { fillDefaults: true })(request)).toEqual([]);
    expect(request).toMatchObject({ priority: 'lowest', retries: 5, schedulerId: '-', routes: [] });
  });

  it('may be passed as an object', () => {
    const check = validator({ type: 'object', properties: { count: { type: 'integer' } } });
    expect(check({ count: 1 })).toEqual([]);
    expect(check({ count: 'one' })).toEqual(['/count must be integer']);
  });

  it('that does not exist is an error of the caller', () => {
    expect(() => validator('taskcluster/queue/v1/no-such.json')({})).toThrow('no-such.json');
  });

  it('is not compiled until something is validated', async () => {
    const script = `
      import { queueExchanges } from './src/exchanges/index.ts';
      import { createRequire } from 'node:module';
      const loaded = () => Object.keys(createRequire(import.meta.url).cache).some(file => file.includes('/ajv/'));
      const before = loaded();
      queueExchanges.taskException({ workerId: 'machine-7' });
      const bound = loaded();
      queueExchanges.taskException.validate({});
      console.log(JSON.stringify([before, bound, loaded()]));`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', script],
      {
        cwd: root,
      },
    );
    expect(JSON.parse(stdout)).toEqual([false, false, true]);
  });
});
