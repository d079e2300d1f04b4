import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { devDiskMegabytes } from '../../src/cli/dev/disk.ts';
import { diskSpace } from '../../src/worker/index.ts';
import type { Logger } from '../../src/cli/output/logger.ts';

it('tcw dev works on a disk with less free space than tcw run requires, and warns', async () => {
  const warnings: string[] = [];
  const logger = { warn: (_: object, message: string) => void warnings.push(message) } as unknown as Logger;
  const folder = join(tmpdir(), 'not', 'made', 'yet');
  expect(await devDiskMegabytes(folder, 1, logger)).toBe(1);
  expect(warnings).toEqual([]);
  const { freeBytes } = await diskSpace(folder);
  const chosen = await devDiskMegabytes(folder, 1e12, logger);
  expect(chosen).toBeLessThan(freeBytes / 1024 ** 2);
  expect(chosen).toBeGreaterThan(freeBytes / 1024 ** 2 / 4);
  expect(warnings).toEqual([
    expect.stringMatching(/^only \d+ MB of disk are free: tasks start as long as \d+ MB are$/),
  ]);
});
