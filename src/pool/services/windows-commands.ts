import { NO_RESTART_CODES, NEEDS_FIX_CODES, stopSecs, type Service } from './service.ts';

/** NSSM's limit for waits: 32 bits, in ms. */
const LONGEST_MS = 0xffff_ffff;

/**
 * Returns the `cmd.exe` commands that create a Windows service.
 *
 * They use NSSM, as `generic-worker install service` does. `sc.exe create` needs a program that answers Windows'
 * service manager, and Node does not.
 */
export function windowsCommands(service: Service): string {
  const { name, command, user, directory } = service;
  const [program, ...words] = command;
  const stop = stopSecs(service);
  const set = (...parameters: readonly string[]) => `nssm set ${[name, ...parameters].map(quoted).join(' ')}`;
  const log = `${directory}\\${name}.log`;
  return [
    `nssm install ${quoted(name)} ${quoted(program)} ${words.map(argument).join(' ')}`.trimEnd(),
    set('DisplayName', `Taskcluster worker (${name})`),
    set('Description', 'Claims and runs tasks of a Taskcluster worker pool'),
    set('AppDirectory', directory),
    ...(user === undefined
      ? []
      : [`rem nssm asks for the password: nssm set ${quoted(name)} ObjectName ${quoted(user)}`]),
    set('Start', 'SERVICE_AUTO_START'),
    set('Type', 'SERVICE_WIN32_OWN_PROCESS'),
    set('AppExit', 'Default', 'Restart'),
    ...[0, ...NO_RESTART_CODES, ...NEEDS_FIX_CODES].map(code => set('AppExit', String(code), 'Exit')),
    set('AppRestartDelay', '15000'),
    // NSSM sends Ctrl-C. The worker then claims nothing more and has this long to finish.
    set('AppStopMethodConsole', String(stop === undefined ? LONGEST_MS : stop * 1_000)),
    set('AppStopMethodWindow', '1500'),
    set('AppStopMethodThreads', '1500'),
    set('AppStdout', log),
    set('AppStderr', log),
    set('AppRotateFiles', '1'),
    set('AppRotateOnline', '1'),
    set('AppRotateSeconds', '3600'),
    set('AppRotateBytes', '10485760'),
    '',
  ].join('\r\n');
}

/** Quotes a word for cmd.exe. */
function quoted(word: string): string {
  return /^[\w.:\\/-]+$/.test(word) ? word : `"${word.replaceAll('"', '""')}"`;
}

/** Quotes an argument twice, because NSSM passes on the inner quotes to the program. */
function argument(word: string): string {
  return /^[\w.:\\/=-]+$/.test(word) ? word : `"\\"${word.replaceAll('"', '""')}\\""`;
}
