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
    // Most files wait for brokers, timers and processes most of their time, so twice as many run as the smallest machine has cores.
    maxWorkers: 4,
    pool: 'forks',
    // For tests that mostly wait (describe.concurrent).
    maxConcurrency: 10,
  },
});
