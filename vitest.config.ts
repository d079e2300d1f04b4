import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/harness/global-setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 10_000 } },
    // The suite shares two cores with a real broker; more forks only make timers late.
    maxWorkers: 2,
    pool: 'forks',
    // Of tests that mostly wait, and say so (describe.concurrent).
    maxConcurrency: 10,
  },
});
