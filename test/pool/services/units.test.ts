import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { EXIT_CODES } from '../../../src/cli/words/exit-codes.ts';
import { EXIT_CODE_OF } from '../../../src/cli/run/worker-failure.ts';
import {
  launchdPlist,
  systemdUnit,
  windowsCommands,
  type Service,
} from '../../../src/pool/services/index.ts';

const run = promisify(execFile);
const hasSystemd = existsSync('/usr/bin/systemd-analyze');
const hasPython = spawnSync('python3', ['--version']).status === 0;
const SERVICE: Service = {
  name: 'tcw',
  command: ['/bin/true', 'run', '--config', '/etc/tcw/worker.yml'],
  user: undefined,
  directory: '/var/lib/tcw',
  environmentFile: '/etc/tcw/environment',
  path: undefined,
  engines: ['native'],
  graceSecs: 25,
};

/** The values of one key of a unit, in their order. */
function values(unit: string, key: string): string[] {
  return unit.split('\n').flatMap(line => (line.startsWith(`${key}=`) ? [line.slice(key.length + 1)] : []));
}

describe('the systemd unit', () => {
  const UNITS: readonly [string, Service['engines'], Partial<Service>?][] = [
    ['native', ['native']],
    ['native, as a user', ['native'], { user: 'daemon' }],
    ['user', ['user']],
    ['docker', ['docker']],
    ['docker, as a user', ['docker'], { user: 'daemon' }],
    ['two engines', ['user', 'docker']],
    ['odd words', ['native'], { command: ['/bin/true', 'a b', '100%', '$HOME', 'q"uote', 'back\\slash'] }],
    ['no limit for the stop', ['native'], { graceSecs: 0 }],
    [
      'another folder, another PATH',
      ['native'],
      { directory: '/srv/tcw 100%', path: '/opt/node/bin:/usr/bin' },
    ],
  ];
  it.runIf(hasSystemd).each(UNITS)('passes systemd-analyze: %s', async (_, engines, other) => {
    const folder = await mkdtemp(join(tmpdir(), 'tcw-unit-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, 'tcw.service');
    await writeFile(file, systemdUnit({ ...SERVICE, engines, ...other }));
    const { stdout, stderr } = await run('systemd-analyze', ['verify', file]);
    expect(`${stdout}${stderr}`.split('\n').filter(line => line.includes(file))).toEqual([]);
  });

  it.runIf(hasSystemd)('is really checked by it, which refuses a wrong name', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tcw-unit-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, 'tcw.service');
    await writeFile(file, systemdUnit(SERVICE).replace('KillMode', 'KillModus'));
    const { stdout, stderr } = await run('systemd-analyze', ['verify', file]);
    expect(`${stdout}${stderr}`).toContain("Unknown key 'KillModus'");
  });

  it('quotes the words of the command, without specifiers or variables', () => {
    const unit = systemdUnit({ ...SERVICE, command: ['/bin/t cw', '100%', '$HOME', 'q"', 'b\\'] });
    expect(values(unit, 'ExecStart')).toEqual(['"/bin/t cw" 100%% "$$HOME" "q\\"" b\\\\']);
  });

  it.runIf(hasSystemd)('works for a program whose path contains a dollar sign', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tcw-$x-unit-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const [program, file] = [join(folder, 'tcw'), join(folder, 'tcw.service')];
    await writeFile(program, '#!/bin/sh\n', { mode: 0o755 });
    await writeFile(file, systemdUnit({ ...SERVICE, command: [program, 'run', '$HOME'] }));
    const { stdout, stderr } = await run('systemd-analyze', ['verify', file]);
    expect(`${stdout}${stderr}`).not.toContain('not executable');
  });

  it('has systemd create the folder below /var/lib, unless its name cannot be listed', () => {
    const of = (directory: string) => values(systemdUnit({ ...SERVICE, directory }), 'StateDirectory');
    expect(of('/var/lib/tcw/100%')).toEqual(['tcw/100%%']);
    for (const name of ['my worker', 'a:b', "it's", 'a\\b']) expect(of(`/var/lib/${name}`)).toEqual([]);
  });

  it('keeps dollar signs in PATH, because systemd expands no variables there', () => {
    const unit = systemdUnit({ ...SERVICE, path: '/opt/$x:/bin' });
    expect(values(unit, 'Environment')).toEqual(['"PATH=/opt/$x:/bin"']);
  });

  it('accepts notifications from the main process only if that is root, and else from all processes', () => {
    expect(values(systemdUnit(SERVICE), 'NotifyAccess')).toEqual(['main']);
    const other = systemdUnit({ ...SERVICE, user: 'tcw' });
    expect([values(other, 'NotifyAccess'), values(other, 'User')]).toEqual([['all'], ['tcw']]);
  });

  it('has a stop timeout slightly longer than the worker needs', () => {
    expect(values(systemdUnit({ ...SERVICE, graceSecs: 90 }), 'TimeoutStopSec')).toEqual(['100']);
    expect(values(systemdUnit({ ...SERVICE, graceSecs: 0 }), 'TimeoutStopSec')).toEqual(['infinity']);
  });

  it('restricts nothing that tasks, as processes of the service, may need', () => {
    for (const engines of [['native'], ['user'], ['native', 'docker']] as const) {
      const unit = systemdUnit({ ...SERVICE, engines });
      expect(unit).not.toMatch(/NoNewPrivileges|Restrict(?!Prevent)[A-Z]|ProtectSystem|LockPersonality/);
    }
    expect(systemdUnit({ ...SERVICE, engines: ['docker'] })).toContain('\nNoNewPrivileges=yes\n');
  });

  it('has the folders that the Docker engine sees if the engine is docker', () => {
    for (const engines of [['docker'], ['native', 'docker'], ['user', 'docker']] as const) {
      const unit = systemdUnit({ ...SERVICE, engines });
      expect(unit).not.toContain('PrivateTmp');
      expect(unit).toContain('After=network-online.target docker.service\n');
    }
  });

  it('handles every exit code: done, to be fixed by an administrator, or restarted', () => {
    const unit = systemdUnit(SERVICE);
    const [done = '', mend = ''] = [
      values(unit, 'SuccessExitStatus')[0],
      values(unit, 'RestartPreventExitStatus')[0],
    ];
    const numbers = (text: string) => text.split(' ').map(Number);
    expect(numbers(done)).toEqual([
      EXIT_CODES.idleTimeout.code,
      EXIT_CODES.workerManagerShutdown.code,
      EXIT_CODES.workerStopped.code,
      EXIT_CODES.workerShutdown.code,
    ]);
    expect(numbers(mend)).toEqual([
      EXIT_CODES.cannotLoadConfig.code,
      EXIT_CODES.invalidConfig.code,
      EXIT_CODES.noSigningKey.code,
    ]);
    const restarted = Object.values(EXIT_CODE_OF).filter(
      code => code !== 0 && !numbers(`${done} ${mend}`).includes(code),
    );
    expect(new Set(restarted)).toEqual(new Set([EXIT_CODES.internalError.code]));
  });
});

describe('the launchd property list', () => {
  it('escapes XML, and waits as long as the worker needs', () => {
    const plist = launchdPlist({ ...SERVICE, user: 'worker', command: ['/opt/a&b/tcw', '<run>'] });
    expect(plist).toContain('<string>/opt/a&amp;b/tcw</string>\n      <string>&lt;run&gt;</string>');
    expect(plist).toContain('<key>ExitTimeOut</key>\n    <integer>35</integer>');
    expect(plist).toContain('<key>UserName</key>\n    <string>worker</string>');
  });

  it.runIf(hasPython)('is valid', async () => {
    const plist = launchdPlist({ ...SERVICE, path: '/opt/node/bin:/usr/bin' });
    const script = 'import plistlib,sys,json; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))';
    const reading = run('python3', ['-c', script]);
    reading.child.stdin?.end(plist);
    expect(JSON.parse((await reading).stdout)).toMatchObject({
      Label: 'tcw',
      ProgramArguments: SERVICE.command,
      EnvironmentVariables: { PATH: '/opt/node/bin:/usr/bin' },
      RunAtLoad: true,
      KeepAlive: { SuccessfulExit: false },
    });
  });
});

describe('the commands for Windows', () => {
  const lines = windowsCommands({
    ...SERVICE,
    name: 'Taskcluster worker',
    command: ['C:\\Program Files\\tcw\\tcw.cmd', 'run', '--config', 'C:\\my pools\\worker.yml'],
    directory: 'C:\\tcw',
  }).split('\r\n');

  it('quote what contains spaces, for cmd.exe and for the program', () => {
    expect(lines[0]).toBe(
      'nssm install "Taskcluster worker" "C:\\Program Files\\tcw\\tcw.cmd" run --config "\\"C:\\my pools\\worker.yml\\""',
    );
  });

  it('restart the worker unless it is done or must be fixed', () => {
    expect(lines).toContain('nssm set "Taskcluster worker" AppExit Default Restart');
    expect(lines).toContain('nssm set "Taskcluster worker" AppExit 0 Exit');
    expect(lines).toContain('nssm set "Taskcluster worker" AppExit 73 Exit');
    expect(lines.some(line => line.includes('AppExit 69'))).toBe(false);
  });
});
