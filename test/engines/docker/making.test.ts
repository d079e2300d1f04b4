import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { dockerEngine } from '../../../src/worker/engines/docker/index.ts';
import { CommandNotStarted } from '../../../src/worker/engines/engine.ts';
import { makeImage } from '../../harness/docker/images.ts';
import { newFolder } from '../native-fixtures.ts';
import { client, engine, host, image, openSandbox } from './fixtures.ts';

afterAll(() => engine.close());

/** The engine's description of a run's last container. */
async function inspected(trace: string) {
  const [found] = await client.json<{ Id: string }[]>({
    method: 'GET',
    path: '/containers/json',
    query: { all: true, filters: JSON.stringify({ label: [`tcw.trace=${trace}`] }) },
  });
  return client.json<{
    HostConfig: { LogConfig: { Type: string } };
    Config: { Labels: Record<string, string> };
  }>({ method: 'GET', path: `/containers/${found?.Id}/json` });
}

describe('a container', () => {
  it('sees mounted directories of this machine, and can change those that are writable', async () => {
    const folder = await newFolder();
    await mkdir(join(folder, 'odd: name, with=all'));
    await writeFile(join(folder, 'odd: name, with=all', 'given'), 'given');
    const source = join(folder, 'odd: name, with=all');
    const { shell } = await openSandbox({
      binds: [
        { source, target: '/cache' },
        { source, target: '/fixed', readOnly: true },
      ],
    });
    const result = await shell(
      'cat /cache/given; printf made >/cache/made; echo x 2>&1 >/fixed/made; cat /fixed/made',
    );
    expect(result.text).toMatch(/^given.*Read-only file system\nmade$/);
    expect(await readFile(join(source, 'made'), 'utf8')).toBe('made');
  });

  it('fails if a mounted directory is missing', async () => {
    const { shell } = await openSandbox({ binds: [{ source: '/no/such/folder', target: '/cache' }] });
    await expect(shell('true')).rejects.toThrow('bind source path does not exist: /no/such/folder');
  });

  it('resolves the given host names, and localhost.localdomain', async () => {
    const { shell } = await openSandbox({ hosts: { taskcluster: '10.1.2.3' } });
    const { text } = await shell('cat /etc/hosts');
    expect(text).toMatch(/^10\.1\.2\.3\s+taskcluster$/m);
    expect(text).toMatch(/^127\.0\.0\.1\s+localhost\.localdomain$/m);
  });

  it('has the given capabilities, and no others', async () => {
    const capabilities = `sed -n 's/^CapEff:\\s*//p; s/^Seccomp:\\s*/seccomp /p' /proc/self/status`;
    const rights = async (part: Parameters<typeof openSandbox>[0]) => {
      const { text } = await (
        await openSandbox(part)
      ).shell(`${capabilities}; [ -e /dev/kmsg ] && echo devices`);
      const [bits = '0', seccomp, devices] = text.trim().split('\n');
      const has = (bit: number) => ((BigInt(`0x${bits}`) >> BigInt(bit)) & 1n) === 1n;
      return { ptrace: has(19), admin: has(21), seccomp, devices: devices === 'devices' };
    };
    const usual = { ptrace: false, admin: false, seccomp: 'seccomp 2', devices: false };
    expect(await rights({})).toEqual(usual);
    expect(await rights({ kernelCapabilities: ['SYS_PTRACE'] })).toEqual({ ...usual, ptrace: true });
    expect(await rights({ noSeccomp: true })).toEqual({ ...usual, seccomp: 'seccomp 0' });
    expect(await rights({ privileged: true })).toMatchObject({
      ptrace: true,
      admin: true,
      seccomp: 'seccomp 0',
    });
  });

  it('has the given devices', async () => {
    const { shell } = await openSandbox({
      devices: [{ source: '/dev/zero', target: '/dev/video0' }, { source: '/dev/full' }],
    });
    expect((await shell('head -c 3 /dev/video0 | tr "\\0" z; [ -c /dev/full ] && echo there')).text).toBe(
      'zzzthere\n',
    );
  });

  it('writes to a terminal unless that is disabled, and the engine keeps no output', async () => {
    const line = '[ -t 1 ] && echo terminal; echo error >&2';
    const { shell, trace } = await openSandbox({ tty: true });
    expect((await shell(line)).text).toBe('terminal\r\nerror\r\n');
    expect((await inspected(trace)).HostConfig.LogConfig.Type).toBe('none');
    expect((await (await openSandbox({ tty: false })).shell(line)).text).toBe('error\n');
  });

  it('runs the command of its image if none is given, and keeps the entry point of its image', async () => {
    const own = await makeImage(client, {
      changes: ['ENTRYPOINT ["/bin/echo", "entry"]', 'CMD ["own"]', 'ENV FROM=image', 'WORKDIR /somewhere'],
    });
    expect((await (await openSandbox({ image: own.id })).run([])).text).toBe('entry own\n');
    expect((await (await openSandbox({ image: own.id })).run(['given'])).text).toBe('entry given\n');
  });

  it('has a readable error if the engine cannot start its command', async () => {
    const { run, shell } = await openSandbox();
    await shell(': >/not-executable');
    const failing = async (...argv: string[]) => {
      const error: unknown = await run(argv).catch((error: unknown) => error);
      expect(error).toBeInstanceOf(CommandNotStarted);
      return (error as Error).message;
    };
    expect(await failing('/no/such/program')).toBe(
      'exec: "/no/such/program": stat /no/such/program: no such file or directory',
    );
    expect(await failing('/etc/passwd')).toBe('exec: "/etc/passwd": permission denied');
    expect(await failing()).toBe('exec: no command, and the image has none either');
    // A command may also exit with this code itself.
    expect((await shell('exit 127')).exitCode).toBe(127);
    expect((await shell('no-such-program')).exitCode).toBe(127);
    // PATH may be as long as an environment can be.
    const PATH = [...Array.from({ length: 20_000 }, (_, i) => `/${i}`), '/bin'].join(':');
    expect((await run(['sh', '-c', 'exit 127'], { env: { PATH } })).exitCode).toBe(127);
    const unknown = await makeImage(client, { changes: ['USER nobody-here'] });
    await expect((await openSandbox({ image: unknown.id })).run(['true'])).rejects.toThrow(
      /unable to find user nobody-here/,
    );
  });

  it('uses only images that the engine has, and never pulls one', async () => {
    const { run } = await openSandbox({ image: 'tcw-no-such-image:latest' });
    await expect(run(['true'])).rejects.toThrow('No such image: tcw-no-such-image:latest');
  });

  it('has the configured limits, and a label with its owner', async () => {
    const limited = await dockerEngine({
      host,
      limits: { memory: 64 * 1024 * 1024, cpus: 1.5, pids: 20, shmBytes: 1_000_000 },
      labels: { 'tcw.worker': 'a-worker' },
    });
    onTestFinished(() => limited.close());
    const { shell, sandbox, folder, trace } = await openSandbox({}, limited);
    await shell('true');
    const { HostConfig, Config } = await inspected(trace);
    expect(HostConfig).toMatchObject({
      Memory: 64 * 1024 * 1024,
      MemorySwap: -1,
      NanoCpus: 1.5e9,
      PidsLimit: 20,
      ShmSize: 1_000_000,
      Init: true,
    });
    expect(Config.Labels).toEqual({
      'tcw.worker': 'a-worker',
      'tcw.trace': trace,
      'tcw.run': folder.split('/').at(-1),
    });
    const hungry = await shell(`x=$(head -c 200000000 /dev/zero | tr '\\0' x)`);
    expect(hungry).toMatchObject({ exitCode: 137, memoryRanOut: true });
    await sandbox.remove();
  });

  it('has no limits unless they are configured, and as much shared memory as with docker-worker', async () => {
    const { shell, trace } = await openSandbox();
    expect((await shell('df -k /dev/shm | tail -1')).text).toMatch(/\s1757816\s/);
    expect((await inspected(trace)).HostConfig).toMatchObject({ Memory: 0, PidsLimit: null, NanoCpus: 0 });
  });
});

it('graphics cards are requested as by the command line of Docker', async () => {
  const { run } = await openSandbox({ image: image.id, gpus: 'all' });
  // The test's engine has no driver for graphics cards.
  await expect(run(['true'])).rejects.toThrow(/could not select device driver/);
  const { run: wrong } = await openSandbox({ gpus: 'some' });
  await expect(wrong(['true'])).rejects.toThrow('some is not a number of graphics cards');
});
