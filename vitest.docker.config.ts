import { defineConfig } from 'vitest/config';
import { dockerTests } from './test/harness/docker/tests.ts';
import base from './vitest.config.ts';

// Of the tests that scripts/test-docker.ts runs; it sets TCW_TEST_DOCKER_HOST.
export default defineConfig({
  test: {
    ...base.test,
    include: dockerTests,
    exclude: [],
    // All files share one engine, and some look at everything in it.
    fileParallelism: false,
  },
});
