/**
 * The tests that run one after the other, by vitest.alone.config.ts: they give the machine users, or look at those it has. When
 * /etc/passwd is replaced, every mount on it is gone, whichever task has it.
 */
export const aloneTests = [
  'test/attacks/user-engine.test.ts',
  'test/cli/pool-configs-of-users.test.ts',
  'test/engines/contract.test.ts',
  'test/engines/user-engine.test.ts',
  'test/worker/run-after-user-creation.test.ts',
  'test/worker/user-engine.test.ts',
];
