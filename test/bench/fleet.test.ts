import { execa } from 'execa';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';

const main = fileURLToPath(new URL('../../bench/fleet/main.ts', import.meta.url));

describe('npm run bench:fleet', () => {
  it('preempts the requested number of workers without losing a task', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tcw-bench-test-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, 'rows.json');
    await execa(process.execPath, [main, '--workers', '3', '--only', 'preemption', '--json', file]);
    const rows = JSON.parse(await readFile(file, 'utf8')) as { figure: string; value: number }[];
    expect(rows.map(({ figure }) => figure)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^3 workers preempted at once/)]),
    );
    expect(rows.find(({ figure }) => figure.includes('did not complete'))?.value).toBe(0);
    const busiest = rows.find(({ figure }) => figure.includes('busiest second')) as unknown as {
      value: number;
      baseline: number;
    };
    expect(busiest.value).toBeGreaterThanOrEqual(3);
    expect(busiest.baseline).toBeGreaterThan(busiest.value);
  });

  it.each(['1', 'many', '2.5'])('refuses %s as a number of workers', async workers => {
    const { exitCode, stderr } = await execa(process.execPath, [main, '--workers', workers], {
      reject: false,
    });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('must be a whole number of at least 2');
  });
});
