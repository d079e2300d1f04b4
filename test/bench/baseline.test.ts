import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { baselineWorker } from '../../bench/baseline.ts';
import type { WorkerParts } from '../../src/worker/life/context.ts';

describe('the baseline worker of the benchmark', () => {
  it('requests tasks for all its free slots in one call, and waits after an empty answer, however quick', async () => {
    const asked: number[] = [];
    const claimWork = async (tasks: number) => {
      asked.push(tasks);
      return [];
    };
    void baselineWorker({ config: { capacity: 3 }, queue: { claimWork } } as unknown as WorkerParts);
    await sleep(1_000);
    expect(asked).toEqual([3]);
  });
});
