import { expect, it } from 'vitest';
import { CommandRecord, NO_USAGE } from '../../../src/worker/features/resources/command-record.ts';

const labels = (record: CommandRecord) => record.lines().map(([label]) => label);

it('has no peak memory for a command that ended before it was sampled', () => {
  const record = new CommandRecord(NO_USAGE);
  record.addUsage({ ...NO_USAGE, userMs: 10 });
  expect(labels(record)).toEqual(['CPU Time of All Processes']);
  expect(record.usage()).toEqual({ userMs: 10, kernelMs: 0 });
});

it('has the peak memory of a command that was sampled', () => {
  const record = new CommandRecord(NO_USAGE);
  record.addUsage({ ...NO_USAGE, memoryBytes: 2_048, processes: 1 });
  expect(labels(record)).toContain('Peak Memory of All Processes');
  expect(record.usage()).toEqual({ userMs: 0, kernelMs: 0, peakMemoryBytes: 2_048 });
});
