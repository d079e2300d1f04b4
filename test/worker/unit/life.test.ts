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

/** The output of another Node process with these programs before it: its own identity, and whether `word` is alive. */
async function asked(before: readonly string[], word: string): Promise<unknown> {
  const module = new URL('../../../src/worker/engines/processes/life.ts', import.meta.url).href;
  const program = `
    import { isAlive, ownLife } from ${JSON.stringify(module)};
    console.log(JSON.stringify([ownLife(), String(isAlive(process.argv[1]))]));`;
  const [file = '', ...words] = [...before, process.execPath, '--input-type=module', '--eval', program, word];
  return JSON.parse((await run(file, words)).stdout) as unknown;
}

describe.runIf(process.platform === 'linux')('whether a process lives', () => {
  it('is told by its word, and by what begins with it', () => {
    expect(isAlive(ownLife())).toBe(true);
    expect(isAlive(`${ownLife()}-${'a'.repeat(32)}`)).toBe(true);
  });

  it('is told of another process, until it has ended', async () => {
    const { process } = await child('echo 1; exec sleep 600');
    const word = lifeOf(process.pid ?? 0);
    expect(isAlive(word)).toBe(true);
    process.kill('SIGKILL');
    await once(process, 'exit');
    expect(isAlive(word)).toBe(false);
  });

  it('is not so of one that only waits to be reaped', async () => {
    const { process: parent, said } = await child('sleep 600 & echo $!; exec sleep 600');
    const word = lifeOf(said);
    // A shell would reap the child.
    await expect.poll(() => readFileSync(`/proc/${parent.pid}/comm`, 'latin1')).toBe('sleep\n');
    expect(isAlive(word)).toBe(true);
    process.kill(said, 'SIGKILL');
    await expect.poll(() => isAlive(word)).toBe(false);
    expect(readFileSync(`/proc/${said}/stat`, 'latin1')).toMatch(/\) Z /);
  });

  it('is not so of another process with the same pid, nor of one before the last boot', () => {
    expect(isAlive(ownLife().replace(/\d+$/, '1'))).toBe(false);
    expect(isAlive(ownLife().replace(/^[0-9a-f]{8}/, '12345678'))).toBe(false);
  });

  it.each([
    ['nothing', ''],
    ['a pid', String(process.pid)],
    ['a mark without a word', '1'.repeat(32)],
    ['a longer start', ownLife().replace(/$/, 'x')],
    ['another text before', ` ${ownLife()}`],
  ])('is not known of %s', (_, text) => {
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

  it.runIf(canUnshare)('is not known from another PID namespace, whichever /proc is there', async () => {
    const [theirs, answer] = (await asked([...unshare, '--mount-proc'], ownLife())) as [string, string];
    expect(answer).toBe('undefined');
    expect(isAlive(theirs)).toBeUndefined();
    const [unknown, unsure] = (await asked(unshare, ownLife())) as [string, string];
    expect(unsure).toBe('undefined');
    expect(isAlive(unknown)).toBeUndefined();
  });

  it('is told from another process of the same namespace', async () => {
    expect(await asked([], ownLife())).toEqual([expect.any(String), 'true']);
  });
});
