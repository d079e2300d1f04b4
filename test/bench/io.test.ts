import { execa } from 'execa';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, inject, it, onTestFinished } from 'vitest';

const main = fileURLToPath(new URL('../../bench/io/main.ts', import.meta.url));

it('npm run bench:io measures transfers, next to the tools of the machine', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tcw-bench-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'rows.json');
  const only = ['small-artifacts', 'caches', 'masking'].flatMap(name => ['--only', name]);
  const { stdout } = await execa(process.execPath, [main, '--quick', ...only, '--json', file], {
    env: { TCW_TEST_PULSE_URL: inject('pulseUrl'), TCW_TEST_QUEUE_PULSE_URL: inject('queuePulseUrl') },
  });
  const rows = JSON.parse(await readFile(file, 'utf8')) as { figure: string; value: number; unit: string }[];
  expect(rows.map(({ unit }) => unit)).toEqual(['ms', 'ms', 'MB/s']);
  for (const { figure, value } of rows) {
    expect(value).toBeGreaterThan(0);
    expect(stdout).toContain(figure);
  }
});
