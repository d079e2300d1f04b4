// `npm run bench:engines`: measures the cost of containers, compared with the `docker` command line. docs/benchmarks.md
// describes the method. This starts measure.ts with a Docker engine, which is found or started as in the tests. If the
// engine is in a lab, measure.ts runs inside the lab.
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
