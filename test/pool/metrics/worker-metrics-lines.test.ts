import { uptime } from 'node:os';
import { expect, it } from 'vitest';
import { workerMetricsLines, type MetricsLine } from '../../../src/pool/metrics/worker-metrics-lines.ts';
import { claimAfter } from '../claim.ts';

const NOW = Date.parse('2030-01-01T01:00:00.900Z');
const CONFIG = {
  provisionerId: 'p',
  workerType: 'w',
  workerId: 'i-1',
  region: 'us-west-2',
  instanceType: 'm5.large',
};
const claim = claimAfter(1);
const OF_WORKER =
  '"instanceType":"m5.large","region":"us-west-2","timestamp":1893459600,"worker":"generic-worker","workerId":"i-1","workerPoolId":"p/w"}';

function lines(config: Parameters<typeof workerMetricsLines>[0] = CONFIG) {
  const written: MetricsLine[] = [];
  const see = workerMetricsLines(
    config,
    line => written.push(line),
    () => NOW,
  );
  return { written, see };
}

it('a ready worker reports the boot of the machine and its own start, once', () => {
  const { written, see } = lines();
  see({ type: 'worker', state: { phase: 'starting', pulse: 'undecided' } });
  see({ type: 'worker', state: { phase: 'listening', pulse: 'up' } });
  see({ type: 'worker', state: { phase: 'listening', pulse: 'down' } });
  expect(written.map(({ fields }) => fields.eventType)).toEqual(['instanceBoot', 'workerReady']);
  expect(written[1]?.text).toBe(`WORKER_METRICS {"eventType":"workerReady",${OF_WORKER}`);
  expect(Number(written[0]?.fields.timestamp)).toBeCloseTo(NOW / 1_000 - uptime(), -1);
});

it('a run is queued when its task was created, starts with its claim, and finishes when its slot is free', () => {
  const { written, see } = lines();
  see({ type: 'run', claim, state: { phase: 'claimed' } });
  see({ type: 'run', claim, state: { phase: 'claimed', stop: 'canceled' } });
  see({ type: 'run', claim, state: { phase: 'running' } });
  see({ type: 'run', claim, state: { phase: 'resolved', outcome: undefined } });
  expect(written.map(({ fields }) => [fields.eventType, fields.timestamp])).toEqual([
    ['taskQueued', Math.floor(Date.parse(claim.task.created) / 1_000)],
    ['taskStart', 1_893_459_600],
    ['taskFinish', 1_893_459_600],
  ]);
  expect(written[1]?.text).toBe(
    'WORKER_METRICS {"eventType":"taskStart","instanceType":"m5.large","region":"us-west-2","runId":0,' +
      `"taskId":"${claim.taskId}","timestamp":1893459600,"worker":"generic-worker","workerId":"i-1","workerPoolId":"p/w"}`,
  );
});

it('unknown values are empty, as in Go', () => {
  const { written, see } = lines({ provisionerId: 'p', workerType: 'w', workerId: 'i' });
  see({ type: 'run', claim, state: { phase: 'resolved', outcome: undefined } });
  expect(written[0]?.fields).toMatchObject({ region: '', instanceType: '' });
});
