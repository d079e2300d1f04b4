import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it, onTestFinished } from 'vitest';
import { endMembers, stopMembers } from '../../src/worker/engines/native/process-group/end-members.ts';
import { MemberSearch } from '../../src/worker/engines/native/process-group/member-search.ts';
import { newMark, SANDBOX } from '../../src/worker/engines/native/processes/mark.ts';
import { readProcess, type ProcessRow } from '../../src/worker/engines/native/processes/process-table.ts';
import { newMarker, PATH } from './native-fixtures.ts';

/** A search that fails when it has found its first member, as for lack of descriptors. */
class FailingSearch extends MemberSearch {
  override members(seen?: (row: ProcessRow) => void): Promise<ProcessRow[]> {
    return super.members(row => {
      seen?.(row);
      throw new Error('no more descriptors');
    });
  }
}

async function member() {
  const mark = newMark();
  const child = spawn('sleep', [newMarker()], { env: { PATH, [SANDBOX]: mark }, detached: true });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'spawn');
  return { child, pid: child.pid ?? 0, search: new FailingSearch([`${SANDBOX}=${mark}`], 0) };
}

// Only Linux shows the mark of a process.
it.runIf(process.platform === 'linux')(
  'a member continues if the search fails after it was stopped',
  async () => {
    const { pid, search } = await member();
    await expect(stopMembers(search, { otherwise: 'SIGCONT' })).rejects.toThrow('no more descriptors');
    await expect.poll(() => readProcess(pid)?.state).toBe('S');
  },
);

it.runIf(process.platform === 'linux')(
  'a member that was found ends if the search fails afterwards',
  async () => {
    const { child, search } = await member();
    await expect(endMembers(search)).rejects.toThrow('no more descriptors');
    await expect.poll(() => child.signalCode).toBe('SIGKILL');
  },
);
