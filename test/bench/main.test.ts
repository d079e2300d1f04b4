import { execa } from 'execa';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, inject, it, onTestFinished } from 'vitest';

const main = fileURLToPath(new URL('../../bench/main.ts', import.meta.url));

describe('npm run bench', () => {
  it('measures the requested benchmarks, and writes them as rows', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tcw-bench-test-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, 'rows.json');
    const { stdout } = await execa(
      process.execPath,
      [main, '--quick', '--strict', '--only', 'breakdown', '--json', file],
      {
        env: {
          TCW_TEST_PULSE_URL: inject('pulseUrl'),
          TCW_TEST_QUEUE_PULSE_URL: inject('queuePulseUrl'),
        },
      },
    );
    const rows = JSON.parse(await readFile(file, 'utf8')) as { figure: string; value: number }[];
    expect(rows).toHaveLength(6);
    for (const row of rows) {
      expect(row).toMatchObject({
        unit: 'ms',
        baseline: null,
        ratio: null,
        goal: null,
        met: null,
        distribution: { samples: 6, median: row.value },
        quick: true,
        machine: { versions: { node: process.versions.node } },
      });
      expect(stdout).toContain(row.figure);
    }
    const run = rows.find(({ figure }) => figure.includes('run'));
    expect(run?.value).toBeGreaterThan(0);
  });

  it.each([
    [
      ['--only', 'brokr'],
      /^bench: --only "brokr" must be one of single, pool, [^\n]+; did you mean broker\?$/,
    ],
    [['--onyl', 'single'], /^bench: Unknown option '--onyl'[^\n]*$/],
    [['--only'], /^bench: Option '--only <value>' argument missing$/],
  ])('names a mistake on its command line in one line: %j', async (words, line) => {
    const { exitCode, stderr } = await execa(process.execPath, [main, ...words], { reject: false });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(line);
  });
});
