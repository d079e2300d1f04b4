// `npm run test:docker`: runs the tests that need a Docker engine. If the engine is in a lab, they run inside the lab.
// Arguments are passed to vitest.
import { fileURLToPath } from 'node:url';
import { runWithinEngine } from '../test/harness/docker/within-engine.ts';

if (process.platform !== 'linux') {
  console.error(
    `tcw: the tests with Docker are skipped: containers of this worker run on Linux, not ${process.platform}.`,
  );
} else {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'vitest.docker.config.ts'];
  try {
    process.exitCode = await runWithinEngine(
      'tests with Docker',
      [...vitest, ...process.argv.slice(2)],
      root,
    );
  } catch (error) {
    console.error(`tcw: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
