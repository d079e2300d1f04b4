// `npm test`: the check and every test. docs/testing.md says how long it takes.
import { execa } from 'execa';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('..', import.meta.url));

/**
 * Thousands of tests with real brokers, containers and processes depend on the machine, too, so a test that fails is
 * run once more. The summary names it even if it passes then, because it has to be mended.
 */
const REPEAT = '--retry=1';

/** The parts, in turn: side by side, they would only make each other's timers late. */
const parts: readonly { readonly name: string; readonly command: readonly [string, ...string[]] }[] = [
  { name: 'check', command: ['node', 'scripts/check.ts'] },
  { name: 'tests', command: ['vitest', 'run', REPEAT] },
  {
    name: 'tests with users of the machine',
    command: ['vitest', 'run', '--config', 'vitest.alone.config.ts', REPEAT],
  },
  { name: 'tests with Docker', command: ['node', 'scripts/test-docker.ts', REPEAT] },
];

const temporary = mkdtempSync(join(tmpdir(), 'tcw-test-'));
/** Written by test/harness/failures-reporter.ts. */
const failures = join(temporary, 'failures');
const summary: string[] = [];
for (const { name, command } of parts) {
  const [program, ...words] = command;
  writeFileSync(failures, '');
  const { failed, durationMs } = await execa(program, words, {
    cwd: folder,
    preferLocal: true,
    localDir: folder,
    reject: false,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { TCW_TEST_FAILURES: failures },
  });
  summary.push(`${failed ? 'FAILED' : 'ok    '}  ${name}, ${Math.round(durationMs / 1000)} s`);
  summary.push(
    ...readFileSync(failures, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map(line => `        ${line}`),
  );
  if (failed) process.exitCode = 1;
  // The tests of a tree that the check refuses would only repeat what it says.
  if (failed && name === 'check') break;
}
rmSync(temporary, { recursive: true });
console.log(`\n${summary.join('\n')}`);
