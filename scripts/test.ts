// `npm test`: runs the checks and every test. docs/testing.md says how long that takes.
import { execa } from 'execa';
import { fileURLToPath } from 'node:url';

interface Part {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
}

const check: Part = { name: 'check', command: ['node', 'scripts/check.ts'] };
const main: Part = { name: 'tests', command: ['vitest', 'run'] };
const alone: Part = {
  name: 'tests with users of the machine',
  command: ['vitest', 'run', '--config', 'vitest.alone.config.ts'],
};
const docker: Part = { name: 'tests with Docker', command: ['node', 'scripts/test-docker.ts'] };

const folder = fileURLToPath(new URL('..', import.meta.url));
const options = { cwd: folder, preferLocal: true, localDir: folder, reject: false, stdin: 'ignore' } as const;
const failed: string[] = [];

function conclude(
  { name }: Part,
  result: { readonly failed: boolean; readonly durationMs: number },
): boolean {
  console.log(`${result.failed ? 'FAILED' : 'ok    '}  ${name}, ${Math.round(result.durationMs / 1000)} s\n`);
  if (result.failed) failed.push(name);
  return !result.failed;
}

async function shown(part: Part): Promise<boolean> {
  const [program, ...words] = part.command;
  return conclude(part, await execa(program, words, { ...options, stdout: 'inherit', stderr: 'inherit' }));
}

// The Docker tests run one after the other and mostly wait, so they run in parallel with the rest. Their output is held
// back until the rest has ended.
const stop = new AbortController();
const [program, ...words] = docker.command;
const beside = execa(program, words, {
  ...options,
  all: true,
  cancelSignal: stop.signal,
  forceKillAfterDelay: false,
});

if (await shown(check)) {
  await shown(main);
  const ended = await beside;
  console.log(ended.all ?? ended.message);
  conclude(docker, ended);
  await shown(alone);
} else {
  stop.abort();
  await beside;
}
if (failed.length > 0) console.log(`Failed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
