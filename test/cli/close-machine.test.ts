import { expect, it } from 'vitest';
import { closeMachine } from '../../src/cli/worker-process.ts';

it('closes the ledger, and logs, where the engine cannot be closed', async () => {
  const calls: string[] = [];
  const log = (_: unknown, message: string) => void calls.push(message);
  const engine = {
    name: 'none',
    open: () => Promise.reject(new Error('no engine')),
    close: () => Promise.reject(new Error('Processes cannot be ended: 12 (sleep, state D)')),
  };
  const ledger = {
    folder: '',
    worker: '',
    begin: () => {
      throw new Error('no run');
    },
    close: () => void calls.push('closed'),
  };
  await closeMachine({ engine, ledger }, { debug: log, info: log, warn: log, error: log });
  expect(calls).toEqual([expect.stringMatching(/^could not end the processes/), 'closed']);
});
