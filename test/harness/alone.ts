/**
 * Tests that run one after the other (vitest.alone.config.ts), because they add users to the machine or read its users.
 * When /etc/passwd is replaced, every mount over it disappears, whichever task it belongs to.
 */
export const aloneTests = [
  'test/attacks/user-engine.test.ts',
  'test/cli/pool-configs-of-users.test.ts',
  'test/engines/contract.test.ts',
  'test/engines/user-engine.test.ts',
  'test/worker/run-after-user-creation.test.ts',
  'test/worker/user-engine.test.ts',
];
