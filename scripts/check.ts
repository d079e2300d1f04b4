// `npm run check`: all checks of the code that do not run it. docs/testing.md lists them.
import { fileURLToPath } from 'node:url';
import { runSteps, type Step } from './check/steps.ts';

const cache = 'node_modules/.cache';

// The slowest steps come first, because two run at a time. eslint runs without its cache: some rules depend on the
// types in other files, but the cache only considers the file itself.
const steps: Step[] = [
  { name: 'lint', command: ['eslint', '.', '--max-warnings=0'] },
  {
    name: 'types',
    command: ['tsc', '--noEmit', '--incremental', '--tsBuildInfoFile', `${cache}/tsc/check.json`],
  },
  {
    name: 'format',
    command: [
      'prettier',
      ...['--check', '--log-level=warn', '.'],
      ...['--cache', '--cache-strategy=content', `--cache-location=${cache}/prettier/check.json`],
    ],
  },
  { name: 'reference', command: ['node', 'scripts/check/reference.ts'] },
  { name: 'floors', command: ['node', 'scripts/check/floors.ts'] },
  { name: 'unused code', command: ['knip', '--no-progress'] },
  { name: 'dependencies', command: ['node', 'scripts/check/dependencies.ts'] },
  { name: 'links', command: ['node', 'scripts/check/links.ts'] },
  { name: 'wording', command: ['node', 'scripts/check/wording.ts'] },
];

const failed = await runSteps(steps, fileURLToPath(new URL('..', import.meta.url)), 2);
process.exitCode = failed.length === 0 ? 0 : 1;
