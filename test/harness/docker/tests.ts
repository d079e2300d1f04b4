/** The tests that run where a Docker engine is, by scripts/test-docker.ts. */
export const dockerTests = ['test/docker/**/*.test.ts', 'test/engines/docker/**/*.test.ts'];
