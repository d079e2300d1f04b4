import { configDefaults, defineConfig } from 'vitest/config';
import { aloneTests } from './test/harness/alone.ts';
import { dockerTests } from './test/harness/docker/tests.ts';
import { PATIENCE_MS, TEST_MS } from './test/patience.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // They run apart, where a Docker engine is: scripts/test-docker.ts.
    exclude: [...configDefaults.exclude, ...dockerTests, ...aloneTests],
    globalSetup: ['test/harness/global-setup.ts'],
    testTimeout: TEST_MS,
    hookTimeout: TEST_MS,
    expect: { poll: { timeout: PATIENCE_MS } },
    // Files wait for brokers, timers and processes, so one more runs than the smallest machine has cores.
    maxWorkers: 3,
    pool: 'forks',
    reporters: ['default', './test/harness/failures-reporter.ts'],
    // For tests that mostly wait (describe.concurrent).
    maxConcurrency: 10,
  },
});
