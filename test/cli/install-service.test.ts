import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Failure } from '../../src/cli/words/failure.ts';
import { installService, type InstallOptions } from '../../src/cli/install/install-service.ts';
import { bin, tcw } from './tcw.ts';

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'tcw-install-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A machine whose files are in a folder of the test. */
async function machine(platform: NodeJS.Platform = 'linux') {
  const root = await folder();
  await mkdir(join(root, 'etc/systemd/system'), { recursive: true });
  await mkdir(join(root, 'Library/LaunchDaemons'), { recursive: true });
  const install = (words: Partial<InstallOptions> = {}) =>
    installService(
      { name: 'tcw', ...words },
      { root, program: '/usr/bin/tcw', node: '/usr/bin/node', platform },
    );
  return { root, install, unit: join(root, 'etc/systemd/system/tcw.service') };
}

async function config(text: string): Promise<string> {
  const path = join(await folder(), 'worker.yml');
  await writeFile(path, text);
  return path;
}

describe('tcw install service', () => {
  it('prints a unit that starts this tcw, without changing anything', async () => {
    const { exitCode, stdout, stderr } = await tcw(['install', 'service', '--print', '--for', 'systemd']);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 0,
      stderr:
        'tcw: there is no file /etc/tcw/worker.yml on this machine, so this is for the default configuration\n',
    });
    expect(stdout).toContain(`\nExecStart=${bin} run --config /etc/tcw/worker.yml\n`);
  });

  it('prints nothing else if the configuration exists', async () => {
    const path = await config('engine: user\n');
    const words = ['install', 'service', '--print', '--for', 'systemd', '--config', path];
    expect(await tcw(words)).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it('prints files for other systems, too', async () => {
    const { install } = await machine();
    expect(await install({ for: 'launchd', print: true })).toContain('<key>Label</key>');
    expect(await install({ for: 'windows', print: true, program: 'C:\\tcw.cmd' })).toContain(
      'nssm install tcw C:\\tcw.cmd',
    );
  });

  it('writes the unit, and prints the next steps', async () => {
    const { install, unit } = await machine();
    expect(await install()).toBe(`wrote /etc/systemd/system/tcw.service
next:
  write /etc/tcw/worker.yml (tcw show-config-schema has its properties)
  keep secrets in /etc/tcw/environment, mode 600, as lines like TCW_ACCESS_TOKEN=…
  create the user if it does not exist: useradd --system --home-dir /var/lib/tcw --shell /usr/sbin/nologin tcw
  systemctl daemon-reload
  systemctl enable --now tcw
  journalctl -fu tcw
`);
    expect((await stat(unit)).mode & 0o777).toBe(0o644);
    expect(await readFile(unit, 'utf8')).toContain(
      '\nExecStart=/usr/bin/tcw run --config /etc/tcw/worker.yml\nUser=tcw\n',
    );
  });

  it('prints how to create a folder that systemd does not create', async () => {
    const { install, unit } = await machine();
    expect(await install({ directory: '/var/lib/./my  worker/' })).toContain(
      "\n  install -d -o tcw '/var/lib/my  worker'\n",
    );
    expect(await readFile(unit, 'utf8')).toContain(
      '\nWorkingDirectory=/var/lib/my  worker\nEnvironmentFile=',
    );
  });

  it('quotes a Windows folder that ends with a backslash correctly', async () => {
    const { install } = await machine();
    const words = { for: 'windows', print: true, program: 'C:\\tcw.cmd' } as const;
    expect(await install({ ...words, directory: 'C:\\my pools\\' })).toContain(
      ' AppDirectory "C:\\my pools"\r\n',
    );
    expect(await install({ ...words, directory: 'C:\\' })).toContain(' AppDirectory C:\\\r\n');
  });

  it('writes a launch daemon on macOS', async () => {
    const { install, root } = await machine('darwin');
    expect(await install({ name: 'org.example.tcw' })).toContain(
      'launchctl bootstrap system /Library/LaunchDaemons/org.example.tcw.plist',
    );
    expect(existsSync(join(root, 'Library/LaunchDaemons/org.example.tcw.plist'))).toBe(true);
  });

  it('uses engine and times of the configuration', async () => {
    const { install } = await machine();
    const path = await config('engine: docker\nshutdownGraceSecs: 100\n');
    const unit = await install({ config: path, print: true });
    expect(unit).toContain('\nTimeoutStopSec=110\n');
    expect(unit).toContain('\nNoNewPrivileges=yes\n');
    expect(unit).not.toContain('\nUser=');
    const other = await install({ config: path, print: true, engine: 'native', grace: '5' });
    expect(other).toContain('\nTimeoutStopSec=15\n');
    expect(other).toContain('\nUser=tcw\n');
  });

  it('replaces a changed file only with --force, and an identical one silently', async () => {
    const { install, unit } = await machine();
    await install();
    await install();
    await writeFile(unit, 'mine');
    await expect(install()).rejects.toThrow(
      '/etc/systemd/system/tcw.service exists and differs: --force replaces it, --print shows the new one',
    );
    expect(await readFile(unit, 'utf8')).toBe('mine');
    await install({ force: true });
    expect(await readFile(unit, 'utf8')).toContain('[Service]');
  });

  it.each([
    [{ name: '../x' }, 64, '--name must have letters'],
    [{ name: 'a\nb' }, 64, '--name must have letters'],
    [{ user: 'a b\nRoot=' }, 64, '--user must be the name of a user'],
    [{ config: 'worker.yml' }, 64, '--config must be an absolute path, not "worker.yml"'],
    [{ directory: '/a\nb' }, 64, '--directory must not hold control characters'],
    [{ directory: '/srv/a\\' }, 64, '--directory must not end with a backslash'],
    [{ for: 'windows', program: 'C:\\%x%\\tcw.cmd' }, 64, '--program must not hold % or "'],
    [{ grace: '-1' }, 64, '--grace must be a whole number of seconds'],
    [{ engine: 'user', user: 'tcw' }, 64, '--user must be root with the engine user'],
    [{ for: 'windows', program: 'C:\\tcw.cmd' }, 65, 'on Windows nothing is installed'],
    [{ for: 'launchd' }, 65, 'this machine has no launchd: use --print'],
  ] satisfies [Partial<InstallOptions>, number, string][])('refuses %j', async (words, exitCode, message) => {
    const { install, unit } = await machine();
    const error: unknown = await install(words).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Failure);
    expect(error).toMatchObject({ exitCode, message: expect.stringContaining(message) });
    expect(existsSync(unit)).toBe(false);
  });

  it('a folder that is not writable leads to one error line', async () => {
    const { install, root } = await machine();
    await rm(join(root, 'etc'), { recursive: true });
    await expect(install()).rejects.toThrow(
      'cannot write /etc/systemd/system/tcw.service (ENOENT): use --print',
    );
  });

  it('an invalid configuration leads to the same errors as in tcw run', async () => {
    const path = await config('engine: [');
    const { exitCode, stderr } = await tcw(['install', 'service', '--print', '--config', path]);
    expect(exitCode).toBe(64);
    expect(stderr).toContain(path);
  });

  it('a system without a known service manager can print files', async () => {
    const { install } = await machine('freebsd');
    await expect(install()).rejects.toThrow('no service manager is known for freebsd');
    expect(await install({ for: 'systemd', print: true })).toContain('[Unit]');
  });
});
