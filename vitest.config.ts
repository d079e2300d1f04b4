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
    // The suite shares two cores with a real broker; more forks only make timers late.
    maxWorkers: 2,
    pool: 'forks',
    // Of tests that mostly wait, and say so (describe.concurrent).
    maxConcurrency: 10,
  },
});
