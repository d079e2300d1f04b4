import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { closeSource } from '../../../src/worker/files/file-source.ts';
import { describe, expect, it, onTestFinished } from 'vitest';
import { dockerEngine } from '../../../src/worker/engines/docker/index.ts';
import { waitFor } from '../../wait-for.ts';
import { Log } from '../native-fixtures.ts';
import { faultEngine } from './fault-engine.ts';
import { client, openSandbox } from './fixtures.ts';

const LONG_MS = 600_000;

/** Starts a line of shell that prints `ready`. */
async function ready(line: string, opened: Awaited<ReturnType<typeof openSandbox>>) {
  const output = new Log();
  const command = opened.sandbox.run({ argv: ['sh', '-c', line], env: { PATH: '/bin' }, output });
  command.catch(() => undefined);
  await waitFor(() => {
    expect(output.text).toContain('ready');
  });
  return { output, command };
}

describe('stopping', () => {
  it('signals every process of the container, not only the command', async () => {
    const opened = await openSandbox();
    // The process is not a child of the shell, and is in another session.
    const { output, command } = await ready(
      `setsid sh -c 'trap "echo child asked; exit" TERM; echo child; while :; do sleep 0.1; done' &
       trap 'echo asked; wait; exit 5' TERM
       sleep 1; echo ready; while :; do sleep 0.1; done`,
      opened,
    );
    await opened.sandbox.stop(LONG_MS);
    expect(await command).toMatchObject({ exitCode: 5 });
    expect(
      output.text
        .split('\n')
        .filter(line => line.includes('asked'))
        .sort(),
    ).toEqual(['asked', 'child asked']);
  });

  it('resumes suspended processes, so that they can end', async () => {
    const opened = await openSandbox();
    const { command } = await ready(`sh -c 'kill -STOP $$' & echo ready; wait; exit 6`, opened);
    await opened.sandbox.stop(LONG_MS);
    expect((await command).exitCode).not.toBe(137);
  });

  it('ends a container with hundreds of processes', async () => {
    const opened = await openSandbox();
    const { command } = await ready(
      'i=0; while [ $i -lt 200 ]; do sleep 600 & i=$((i+1)); done; echo ready; wait',
      opened,
    );
    expect((await opened.sandbox.usage()).processes).toBe(201);
    await opened.sandbox.stop(LONG_MS);
    expect(await command).toMatchObject({ exitCode: 143 });
    expect((await opened.sandbox.usage()).processes).toBe(0);
  });

  it('before a command has started prevents it from running', async () => {
    const { sandbox, run } = await openSandbox();
    const command = run(['sleep', '600']);
    await sandbox.stop(0);
    expect((await command).exitCode).toBe(137);
    await expect(run(['true'])).rejects.toThrow('The sandbox has been stopped');
  });

  it('signals every process even if systemd manages the control groups', async () => {
    const { host } = await faultEngine('tcp');
    const engine = await dockerEngine({ host });
    onTestFinished(() => engine.close());
    const opened = await openSandbox({}, engine);
    const { output, command } = await ready(
      `sh -c 'trap "echo child asked; exit" TERM; echo child; while :; do sleep 0.1; done' &
       trap 'wait; exit 8' TERM
       sleep 1; echo ready; while :; do sleep 0.1; done`,
      opened,
    );
    // Named as by systemd, which the lab does not have.
    const [container] = await client.json<{ Id: string }[]>({
      method: 'GET',
      path: '/containers/json',
      query: { filters: JSON.stringify({ label: [`tcw.trace=${opened.trace}`] }) },
    });
    const id = container?.Id ?? '';
    const scope = `/sys/fs/cgroup/pids/system.slice/docker-${id}.scope`;
    await mkdir(scope, { recursive: true });
    onTestFinished(() => rmdir(scope));
    const usual = await readFile(`/sys/fs/cgroup/pids/docker/${id}/cgroup.procs`, 'utf8');
    for (const pid of usual.trim().split('\n')) {
      await writeFile(`${scope}/cgroup.procs`, pid).catch(() => undefined);
    }
    await opened.sandbox.stop(LONG_MS);
    expect(await command).toMatchObject({ exitCode: 8 });
    expect(output.text).toContain('child asked');
  });

  it('leaves the signal to the engine if the processes of a container are not visible', async () => {
    const { host } = await faultEngine('tcp');
    const engine = await dockerEngine({ host });
    onTestFinished(() => engine.close());
    const opened = await openSandbox({}, engine);
    const { output, command } = await ready(
      `trap 'echo asked; exit 7' TERM; echo ready; while :; do sleep 0.1; done`,
      opened,
    );
    await opened.sandbox.stop(LONG_MS);
    expect(await command).toMatchObject({ exitCode: 7 });
    expect(output.text).toBe('ready\nasked\n');
  });
});

describe('a container that has ended', () => {
  it('is kept for its files until it is removed', async () => {
    const { sandbox, trace, run } = await openSandbox();
    await run(['sh', '-c', 'printf kept >/file']);
    await sandbox.stop(1_000);
    await sandbox.close();
    const opened = await sandbox.files.open('/file');
    if (opened.kind === 'file') await closeSource(opened.source);
    expect(opened).toMatchObject({ kind: 'file', size: 4 });
    const left = () =>
      client.json<unknown[]>({
        method: 'GET',
        path: '/containers/json',
        query: { all: true, filters: JSON.stringify({ label: [`tcw.trace=${trace}`] }) },
      });
    expect(await left()).toHaveLength(1);
    await sandbox.remove();
    expect(await left()).toEqual([]);
    await sandbox.remove();
    await sandbox.close();
    expect(await sandbox.files.open('/file')).toEqual({ kind: 'missing' });
  });
});
