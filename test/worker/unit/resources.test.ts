import fc from 'fast-check';
import { freemem, totalmem } from 'node:os';
import { describe, expect, it } from 'vitest';
import type { Usage } from '../../../src/worker/engines/engine.ts';
import { MemoryLimit, type MemoryLimits } from '../../../src/worker/features/resources/memory-limit.ts';
import {
  formatBytes,
  readSystemMemory,
  SystemMemoryRecord,
} from '../../../src/worker/features/resources/system-memory.ts';
import { UsageSeries } from '../../../src/worker/features/resources/usage-series.ts';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const memory = (usedPercent: number) => ({
  totalBytes: 4 * GIB,
  availableBytes: 4 * GIB * (1 - usedPercent / 100),
});
const limits: MemoryLimits = {
  maxMemoryUsagePercent: 90,
  minAvailableMemoryBytes: 500 * MIB,
  allowedHighMemoryDurationSecs: 5,
  disableOOMProtection: false,
};

describe('memory of the machine', () => {
  it.each([
    [0, '0.000000 B'],
    [1023, '1023.000000 B'],
    [1024, '1.00 KiB'],
    [500 * MIB, '500.00 MiB'],
    [10.5 * GIB, '10.50 GiB'],
    [5000 * GIB, '5000.00 GiB'],
  ])('%d bytes are %s', (bytes, words) => {
    expect(formatBytes(bytes)).toBe(words);
  });

  it('is what the system reports', () => {
    const { totalBytes, availableBytes } = readSystemMemory();
    expect(totalBytes).toBe(totalmem());
    expect(Math.abs(availableBytes - freemem())).toBeLessThan(totalBytes / 4);
    expect(availableBytes).toBeLessThan(totalBytes);
  });

  it('has averages and a peak in the summary of a command, in the format of generic-worker', () => {
    const record = new SystemMemoryRecord();
    for (const percent of [25, 75, 50]) record.add(memory(percent));
    expect(record.lines()).toEqual([
      ['Average Available System Memory', '2.00 GiB'],
      ['Average System Memory Used', '2.00 GiB'],
      ['Peak System Memory Used', '3.00 GiB'],
      ['Total System Memory', '4.00 GiB'],
    ]);
  });

  it('is missing in the summary of a command that was too short', () => {
    expect(new SystemMemoryRecord().lines()).toEqual([]);
  });
});

describe('a shortage of memory', () => {
  it('stops a task when it lasts longer than allowed, with the message of generic-worker', () => {
    const limit = new MemoryLimit(limits);
    expect(limit.observe(1_000, memory(95))).toBeUndefined();
    expect(limit.observe(6_000, memory(95))).toBeUndefined();
    expect(limit.observe(6_001, memory(95))).toEqual({
      warnings: ['Memory usage above 90% and available memory less than 500.00 MiB persisted for over 5s!'],
      stop: 'task aborted due to sustained memory usage above 90% and available memory less than 500.00 MiB',
    });
    expect(limit.observe(9_000, memory(95))).toBeUndefined();
  });

  it('only causes one warning each if the pool has switched the protection off', () => {
    const limit = new MemoryLimit({ ...limits, disableOOMProtection: true });
    limit.observe(0, memory(95));
    const shortage = limit.observe(5_001, memory(95));
    expect(shortage?.warnings[1]).toBe('OOM protections are disabled, continuing task...');
    expect(shortage).not.toHaveProperty('stop');
    expect(limit.observe(60_000, memory(95))).toBeUndefined();
    limit.observe(61_000, memory(10));
    limit.observe(62_000, memory(95));
    expect(limit.observe(70_000, memory(95))?.warnings).toHaveLength(2);
  });

  it('starts again after a moment with enough memory', () => {
    const limit = new MemoryLimit(limits);
    limit.observe(0, memory(95));
    limit.observe(4_000, memory(80));
    expect(limit.observe(6_000, memory(95))).toBeUndefined();
    expect(limit.observe(11_000, memory(95))).toBeUndefined();
    expect(limit.observe(11_001, memory(95))?.stop).toBeDefined();
  });

  it('requires both high usage and little free memory', () => {
    const large = { totalBytes: 400 * GIB, availableBytes: 20 * GIB };
    const small = { totalBytes: GIB, availableBytes: 300 * MIB };
    for (const enough of [large, small]) {
      const limit = new MemoryLimit(limits);
      limit.observe(0, enough);
      expect(limit.observe(1e9, enough)).toBeUndefined();
    }
  });
});

describe('the resource usage of a run over time', () => {
  const usageAt = (n: number): Usage => ({
    userMs: 10 * n,
    kernelMs: n,
    memoryBytes: (n * 7919) % 1000,
    peakMemoryBytes: 1000,
    readBytes: n,
    writtenBytes: 2 * n,
    processes: (n * 31) % 7,
  });
  const sampleAt = (n: number) => ({ timeMs: 500 * n, usage: usageAt(n), systemMemoryUsedBytes: n % 97 });

  it('is kept unchanged while it is short', () => {
    const series = new UsageSeries();
    series.add(sampleAt(1));
    series.add(sampleAt(2));
    expect(series.columns()).toEqual({
      timeMs: [500, 1000],
      userMs: [10, 20],
      kernelMs: [1, 2],
      memoryBytes: [919, 838],
      readBytes: [1, 2],
      writtenBytes: [2, 4],
      processes: [3, 6],
      systemMemoryUsedBytes: [1, 2],
    });
  });

  it('keeps its end, its peaks and its order, with a bounded size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 2, max: 20 }), (count, most) => {
        const series = new UsageSeries(most);
        for (let n = 1; n <= count; n++) series.add(sampleAt(n));
        const { timeMs, userMs, memoryBytes, processes } = series.columns();
        const all = Array.from({ length: count }, (_, n) => usageAt(n + 1));
        expect(timeMs.length).toBeLessThanOrEqual(most + 1);
        expect(timeMs.at(-1)).toBe(500 * count);
        expect(userMs.at(-1)).toBe(10 * count);
        expect(timeMs).toEqual([...timeMs].sort((one, other) => one - other));
        expect(Math.max(...memoryBytes)).toBe(Math.max(...all.map(usage => usage.memoryBytes)));
        expect(Math.max(...processes)).toBe(Math.max(...all.map(usage => usage.processes)));
      }),
    );
  });

  it('omits what the system does not report', () => {
    const series = new UsageSeries();
    const { readBytes: _read, writtenBytes: _written, ...usage } = usageAt(1);
    series.add({ ...sampleAt(1), usage });
    expect(series.columns()).not.toHaveProperty('readBytes');
    expect(new UsageSeries().columns().timeMs).toEqual([]);
  });
});
