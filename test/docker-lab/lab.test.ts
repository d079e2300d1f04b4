import { execa } from 'execa';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { readdir, readlink } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { dirname } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { canMakeLab } from '../harness/docker/engine.ts';
import { startDockerLab, type DockerLab } from '../harness/docker/lab.ts';

// npm test makes one where it is root on Linux and finds no engine; this machine has another engine, or none.
describe.skipIf(!canMakeLab())('a lab with a Docker engine', () => {
  it('runs commands next to the engine, and leaves nothing behind when it is stopped', async () => {
    const lab = await startDockerLab();
    const processes = await processesOf(lab);
    expect(processes.length).toBeGreaterThan(1);
    expect(await inLab(lab, 'cat /proc/1/comm /proc/1/cgroup')).toMatch(/^docker-init\n[^]*\/(init)?\n/);
    expect(await inLab(lab, 'cat /proc/net/dev')).toContain('docker0');
    expect(Object.keys(networkInterfaces())).not.toContain('docker0');
    await lab.stop();
    await isGone(lab, processes);
  });

  it.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)(
    'ends with all its processes if its owner is ended by %s',
    async signal => {
      const module = new URL('../harness/docker/lab.ts', import.meta.url).href;
      const owner = spawn(process.execPath, [
        '--input-type=module',
        '--eval',
        `const { startDockerLab } = await import(${JSON.stringify(module)});
         console.log(JSON.stringify(await startDockerLab()));
         setInterval(() => undefined, 1000);`,
      ]);
      onTestFinished(() => void owner.kill('SIGKILL'));
      const [line] = (await once(owner.stdout, 'data')) as [Buffer];
      const lab = JSON.parse(line.toString()) as DockerLab;
      const [command = '', ...args] = lab.enter;
      const guest = spawn(command, [...args, 'sleep', '1000'], { stdio: 'ignore' });
      await expect.poll(async () => (await commandsOf(lab)).includes('sleep')).toBe(true);
      const processes = await processesOf(lab);
      owner.kill(signal);
      await once(guest, 'exit');
      await isGone(lab, processes);
    },
  );

  async function isGone(lab: DockerLab, processes: readonly string[]): Promise<void> {
    const folder = dirname(lab.host.slice('unix://'.length));
    await expect.poll(() => existsSync(folder)).toBe(false);
    await expect.poll(() => processes.filter(pid => existsSync(`/proc/${pid}`))).toEqual([]);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(folder);
    await expect.poll(() => lab.cgroups.filter(cgroup => existsSync(cgroup))).toEqual([]);
  }
});

function inLab({ enter: [command = '', ...args] }: DockerLab, script: string): Promise<string> {
  return execa(command, [...args, 'sh', '-c', script]).then(({ stdout }) => stdout);
}

/** The numbers that this machine knows the lab's processes by. */
async function processesOf(lab: DockerLab): Promise<string[]> {
  const own = await readlink(`/proc/${initOf(lab)}/ns/pid`);
  const all = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
  const namespaces = await Promise.all(
    all.map(pid => readlink(`/proc/${pid}/ns/pid`).catch(() => undefined)),
  );
  return all.filter((_pid, i) => namespaces[i] === own);
}

async function commandsOf(lab: DockerLab): Promise<string[]> {
  return (await processesOf(lab)).map(pid => readFileSync(`/proc/${pid}/comm`, 'utf8').trim());
}

function initOf({ enter }: DockerLab): string {
  return enter[enter.indexOf('--target') + 1] ?? '';
}
