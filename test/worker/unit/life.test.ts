import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isAlive, ownLife } from '../../../src/worker/engines/processes/life.ts';

const run = promisify(execFile);

/** The identity of another process. */
function lifeOf(pid: number): string {
  const [boot, namespaces] = ownLife().split('-');
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return [boot, namespaces, pid, stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]].join('-');
}

async function child(line: string) {
  const process = spawn('sh', ['-c', line], { stdio: ['ignore', 'pipe', 'ignore'] });
  onTestFinished(() => void process.kill('SIGKILL'));
  const [said] = (await once(process.stdout, 'data')) as [Buffer];
  return { process, said: Number(said.toString()) };
}

/** The output of another Node process with these programs before it: its own identity, and whether `mark` is alive. */
async function asked(before: readonly string[], mark: string): Promise<unknown> {
  const module = new URL('../../../src/worker/engines/processes/life.ts', import.meta.url).href;
  const program = `
    import { isAlive, ownLife } from ${JSON.stringify(module)};
    console.log(JSON.stringify([ownLife(), String(isAlive(process.argv[1]))]));`;
  const [file = '', ...words] = [...before, process.execPath, '--input-type=module', '--eval', program, mark];
  return JSON.parse((await run(file, words)).stdout) as unknown;
}

describe.runIf(process.platform === 'linux')('the check whether a process is alive', () => {
  it('recognises the identity of this process, and marks that begin with it', () => {
    expect(isAlive(ownLife())).toBe(true);
    expect(isAlive(`${ownLife()}-${'a'.repeat(32)}`)).toBe(true);
  });

  it('recognises another process until it exits', async () => {
    const { process } = await child('echo 1; exec sleep 600');
    const mark = lifeOf(process.pid ?? 0);
    expect(isAlive(mark)).toBe(true);
    process.kill('SIGKILL');
    await once(process, 'exit');
    expect(isAlive(mark)).toBe(false);
  });

  it('counts a zombie as dead', async () => {
    const { process: parent, said } = await child('sleep 600 & echo $!; exec sleep 600');
    const mark = lifeOf(said);
    // A shell would reap the child.
    await expect.poll(() => readFileSync(`/proc/${parent.pid}/comm`, 'latin1')).toBe('sleep\n');
    expect(isAlive(mark)).toBe(true);
    process.kill(said, 'SIGKILL');
    await expect.poll(() => isAlive(mark)).toBe(false);
    expect(readFileSync(`/proc/${said}/stat`, 'latin1')).toMatch(/\) Z /);
  });

  it('counts a process with a reused pid, or from before the last boot, as dead', () => {
    expect(isAlive(ownLife().replace(/\d+$/, '1'))).toBe(false);
    expect(isAlive(ownLife().replace(/^[0-9a-f]{8}/, '12345678'))).toBe(false);
  });

  it.each([
    ['nothing', ''],
    ['a pid', String(process.pid)],
    ['a mark without an identity', '1'.repeat(32)],
    ['a longer start', ownLife().replace(/$/, 'x')],
    ['another text before', ` ${ownLife()}`],
  ])('has no answer for %s', (_, text) => {
    expect(isAlive(text)).toBeUndefined();
  });

  const unshare = ['unshare', '--user', '--map-current-user', '--pid', '--fork', '--kill-child'];
  const canUnshare = (() => {
    try {
      execFileSync(unshare[0] ?? '', [...unshare.slice(1), '--mount-proc', 'true'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  })();

  it.runIf(canUnshare)(
    'has no answer for processes of another PID namespace, whichever /proc is mounted',
    async () => {
      const [theirs, answer] = (await asked([...unshare, '--mount-proc'], ownLife())) as [string, string];
      expect(answer).toBe('undefined');
      expect(isAlive(theirs)).toBeUndefined();
      const [unknown, unsure] = (await asked(unshare, ownLife())) as [string, string];
      expect(unsure).toBe('undefined');
      expect(isAlive(unknown)).toBeUndefined();
    },
  );

  it('recognises another process of the same namespace', async () => {
    expect(await asked([], ownLife())).toEqual([expect.any(String), 'true']);
  });
});
