/** Tests that need a Docker engine. scripts/test-docker.ts runs them. */
export const dockerTests = ['test/docker/**/*.test.ts', 'test/engines/docker/**/*.test.ts'];
