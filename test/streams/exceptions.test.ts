import { onTestFinished, describe, expect, it } from 'vitest';
import { queueExchanges } from '../../src/exchanges/index.ts';
import { runExceptions, type RunException } from '../../src/streams/index.ts';
import { startPulse, statusWith, TASK_ID, turns, WORKER, type PulseUnderTest } from './pulse-under-test.ts';
import { waitFor } from '../wait-for.ts';

/** Listens to the exceptions of one worker, and is listening when it returns. */
async function listen(pulse: PulseUnderTest) {
  const seen = { exceptions: [] as RunException[], listening: [] as boolean[], problems: [] as string[] };
  const { items$, listening$ } = runExceptions(pulse.worker, WORKER, problem => seen.problems.push(problem));
  listening$.subscribe(listening => seen.listening.push(listening));
  const subscription = items$.subscribe(exception => seen.exceptions.push(exception));
  onTestFinished(() => {
    subscription.unsubscribe();
  });
  await turns();
  expect(seen.listening).toEqual([false, true]);
  return seen;
}

describe('the exceptions of a worker’s runs', () => {
  it.each(['canceled', 'claim-expired', 'worker-shutdown', 'malformed-payload'] as const)(
    'have the run and the reason: %s',
    async reasonResolved => {
      const pulse = await startPulse();
      const { exceptions } = await listen(pulse);
      await pulse.exception({ reasonResolved });
      await turns();
      expect(exceptions).toEqual([{ taskId: TASK_ID, runId: 0, reason: reasonResolved }]);
    },
  );

  it.each([{}, { workerGroup: 'rack-1', workerID: 'machine-7' }, { workerGroup: '', workerId: 'machine-7' }])(
    'require a group and an id, without which they would be those of other workers: %j',
    async worker => {
      const pulse = await startPulse();
      expect(() => runExceptions(pulse.worker, worker as typeof WORKER, () => undefined)).toThrow(
        'runExceptions needs a worker with a workerGroup and a workerId',
      );
    },
  );

  it('do not include those of another worker or group', async () => {
    const pulse = await startPulse();
    const { exceptions } = await listen(pulse);
    await pulse.exception({}, { worker: { ...WORKER, workerId: 'machine-8' } });
    await pulse.exception({}, { worker: { ...WORKER, workerGroup: 'rack-2' } });
    await turns();
    expect(exceptions).toEqual([]);
  });

  it('have no reason if the status does not include the run', async () => {
    const pulse = await startPulse();
    const { exceptions } = await listen(pulse);
    await pulse.exception({}, { runId: 3 });
    await turns();
    expect(exceptions).toEqual([{ taskId: TASK_ID, runId: 3, reason: undefined }]);
  });

  it('omit a message without a run', async () => {
    const pulse = await startPulse();
    const { exceptions, problems } = await listen(pulse);
    const { exchange, build } = queueExchanges.taskException;
    const status = statusWith({});
    const { provisionerId, workerType, schedulerId, taskGroupId } = status;
    const key = build({ taskId: TASK_ID, ...WORKER, provisionerId, workerType, schedulerId, taskGroupId });
    await pulse.publish(exchange, key, { version: 1, status: { ...status, runs: [] } });
    await pulse.exception();
    await turns();
    expect(exceptions).toHaveLength(1);
    expect(problems).toEqual([]);
  });

  it('use a queue that is removed with the connection, and is declared again afterwards', async () => {
    const pulse = await startPulse();
    const seen = await listen(pulse);
    await pulse.broker.dropConnections();
    await waitFor(() => {
      expect(seen.listening).toEqual([false, true, false, true]);
    });
    await pulse.exception();
    await waitFor(() => {
      expect(seen.exceptions).toHaveLength(1);
    });
  });

  it('are acknowledged on arrival, so that more than the prefetch arrive', async () => {
    const pulse = await startPulse();
    const { exceptions } = await listen(pulse);
    for (let count = 0; count < 250; count++) await pulse.exception();
    await turns();
    expect(exceptions).toHaveLength(250);
  });
});
