import { createHash } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { webServer } from '../taskcluster/web-server.ts';
import { deployment } from './deployment.ts';

const PROGRAM = '#!/bin/sh\necho "linked, with $*"\nexit "$1"\n';
const SHA256 = createHash('sha256').update(PROGRAM).digest('hex');

/** Runs a payload whose program is on a server. Returns how the task ended, and its log. */
async function run(payload: (url: string) => object) {
  const { rootUrl } = await webServer(response => {
    response.end(PROGRAM);
  });
  const here = await deployment();
  onTestFinished(() => here.close());
  await here.startWorker();
  const taskId = await here.createTask(payload(`${rootUrl}/tools/program.sh?v=1`));
  const { state, runs } = await here.resolved(taskId);
  return { state, reason: runs[0]?.reasonResolved, log: await here.log(taskId) };
}

describe('a link', () => {
  it('is downloaded, verified and run as the command', async () => {
    const { state, log } = await run(url => ({
      link: { url, sha256: SHA256, arguments: ['0', 'two words'] },
    }));
    expect(log).toContain('linked, with 0 two words');
    expect(state).toBe('completed');
  });

  it('determines the result of the task, and runs instead of other commands', async () => {
    const { state, log } = await run(url => ({
      link: { url, arguments: ['7'] },
      command: [['echo', 'not reached']],
    }));
    expect(log).toContain('[taskcluster:error] exit status 7');
    expect(log).not.toMatch(/^not reached/m);
    expect(state).toBe('failed');
  });

  it('fails the task if its SHA-256 does not match', async () => {
    const { state, log } = await run(url => ({ link: { url, sha256: '0'.repeat(64), arguments: ['0'] } }));
    expect(log).toContain('has SHA256');
    expect(log).not.toContain('linked, with');
    expect(state).toBe('failed');
  });

  it('is not required if there is a command, but one of them is', async () => {
    const { reason, log } = await run(() => ({ env: {} }));
    expect(reason).toBe('malformed-payload');
    expect(log).toContain('- /command is missing');
  });
});
