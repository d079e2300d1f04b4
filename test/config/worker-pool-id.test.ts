import { expect, it } from 'vitest';
import { read, refusal, required } from './given.ts';

const { workerType: _, ...rest } = required;

it('workerPoolId stands for provisionerId and workerType', async () => {
  const { config } = await read({ file: { ...rest, workerPoolId: 'proj-x/linux' } });
  expect(config).toMatchObject({
    provisionerId: 'proj-x',
    workerType: 'linux',
    workerPoolId: 'proj-x/linux',
  });
});

it('workerPoolId overrides the two properties of a source with lower precedence, and vice versa', async () => {
  const file = { ...rest, provisionerId: 'low', workerType: 'low' };
  const higher = await read({ file, words: ['--worker-pool-id', 'high/high'] });
  expect(higher.config).toMatchObject({ provisionerId: 'high', workerType: 'high' });
  const lower = await read({
    file: { ...rest, workerPoolId: 'low/low' },
    environment: { TCW_WORKER_TYPE: 'high' },
  });
  expect(lower.config).toMatchObject({ provisionerId: 'low', workerType: 'high' });
});

it('workerPoolId and the two properties in one source must agree', async () => {
  const error = await refusal({ file: { ...rest, workerPoolId: 'a/b', workerType: 'c' }, words: [] });
  expect(error.exitCode).toBe(73);
  expect(error.message).toMatch(
    /workerPoolId says that workerType is b, and workerType says otherwise; give one of them/,
  );
});

it.each(['linux', 'a/b/c', 'a/B', '/x', 7])('workerPoolId is refused as %j', async workerPoolId => {
  const error = await refusal({ file: { ...rest, workerPoolId } });
  expect(error.message).toContain('workerPoolId must be');
});
