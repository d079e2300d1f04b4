// `npm run bench:engines`: what containers cost, beside the `docker` command line. docs/benchmarks.md says how. This starts
// measure.ts where a Docker engine is, which is found or started as the tests do.
import { fileURLToPath } from 'node:url';
import { runWithinEngine } from '../../test/harness/docker/within-engine.ts';

if (process.platform !== 'linux') {
  console.error(`bench:engines: containers of this worker run on Linux, not ${process.platform}.`);
  process.exitCode = 1;
} else {
  const script = fileURLToPath(new URL('measure.ts', import.meta.url));
  try {
    process.exitCode = await runWithinEngine('benchmark', [script, ...process.argv.slice(2)], process.cwd());
  } catch (error) {
    console.error(`bench:engines: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 2;
  }
}
