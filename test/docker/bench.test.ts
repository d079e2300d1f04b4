import { execa } from 'execa';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';

const main = fileURLToPath(new URL('../../bench/engines/main.ts', import.meta.url));

it('npm run bench:engines measures containers, next to the command line of Docker', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tcw-bench-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'rows.json');
  const only = ['start', 'cancel'].flatMap(name => ['--only', name]);
  const { stdout } = await execa(process.execPath, [main, '--quick', ...only, '--json', file]);
  const rows = JSON.parse(await readFile(file, 'utf8')) as {
    figure: string;
    value: number;
    baseline: number | null;
  }[];
  expect(rows).toHaveLength(7);
  expect(rows.filter(({ baseline }) => baseline !== null)).toHaveLength(3);
  for (const { figure, value } of rows) {
    expect(value).toBeGreaterThan(0);
    expect(stdout).toContain(figure);
  }
});
