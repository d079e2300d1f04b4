import { expect, it } from 'vitest';
import { CommandRecord, NOTHING } from '../../../src/worker/features/resources/command-record.ts';

const labels = (record: CommandRecord) => record.lines().map(([label]) => label);

it('names no peak of memory of a command that was over when it was looked at', () => {
  const record = new CommandRecord(NOTHING);
  record.addUsage({ ...NOTHING, userMs: 10 });
  expect(labels(record)).toEqual(['CPU Time of All Processes']);
  expect(record.usage()).toEqual({ userMs: 10, kernelMs: 0 });
});

it('names the peak of one whose memory was seen', () => {
  const record = new CommandRecord(NOTHING);
  record.addUsage({ ...NOTHING, memoryBytes: 2_048, processes: 1 });
  expect(labels(record)).toContain('Peak Memory of All Processes');
  expect(record.usage()).toEqual({ userMs: 0, kernelMs: 0, peakMemoryBytes: 2_048 });
});
