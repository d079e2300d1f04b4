import { NO_RESTART_CODES, NEEDS_FIX_CODES, stateDirectory, stopSecs, type Service } from './service.ts';

/** The watchdog timeout in seconds. The worker notifies systemd twice in that time. */
const WATCHDOG_SECS = 120;
/**
 * Start timeout in seconds. Cleaning up after a crash takes up to a minute, and a Docker engine may be slow to answer.
 */
const START_SECS = 180;

/**
 * Returns the systemd unit of a worker.
 *
 * Its settings also apply to the tasks of the engines `native` and `user`, because these are processes of the service.
 * Options that would take something away from tasks (`sudo`, setuid programs, namespaces, 32-bit programs, changes to
 * the machine) are therefore set only if all tasks run in containers. systemd 247 (Debian 11) and later know all
 * options.
 */
export function systemdUnit(service: Service): string {
  const { name, command, user, directory, environmentFile, path, engines } = service;
  const stop = stopSecs(service);
  const isDocker = engines.includes('docker');
  const onlyDocker = engines.every(engine => engine === 'docker');
  const isRoot = user === undefined || user === 'root';
  const state = stateDirectory(service);
  const [program, ...args] = command;
  const lines = [
    `# Created by tcw install service. Put changes into a drop-in (systemctl edit ${name}): this file is replaced.`,
    '[Unit]',
    'Description=Taskcluster worker (tcw)',
    'Wants=network-online.target',
    `After=network-online.target${isDocker ? ' docker.service' : ''}`,
    '# A worker that cannot start now may start later: systemd never gives up.',
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    'Type=notify',
    ...(isRoot
      ? ['NotifyAccess=main']
      : [
          '# Only root may speak for another process, as systemd-notify does for the worker.',
          'NotifyAccess=all',
        ]),
    `ExecStart=${[unitWord(program), ...args.map(argument)].join(' ')}`,
    ...(isRoot ? [] : [`User=${user}`]),
    ...(isRoot || !isDocker ? [] : ['SupplementaryGroups=docker']),
    `WorkingDirectory=${directory.replaceAll('%', '%%')}`,
    ...(state === undefined
      ? []
      : [`StateDirectory=${state.replaceAll('%', '%%')}`, 'StateDirectoryMode=0755']),
    `EnvironmentFile=-${environmentFile.replaceAll('%', '%%')}`,
    ...(path === undefined ? [] : [`Environment=${unitWord(`PATH=${path}`)}`]),
    '',
    '# SIGTERM goes to the worker alone, which ends its tasks and gives them back to the queue.',
    'KillMode=mixed',
    `TimeoutStartSec=${START_SECS}`,
    `TimeoutStopSec=${stop ?? 'infinity'}`,
    '# A worker that hangs, or that runs no task and lacks disk space or its engine, is restarted.',
    `WatchdogSec=${WATCHDOG_SECS}`,
    'WatchdogSignal=SIGTERM',
    'Restart=on-failure',
    'RestartSec=15',
    '# Idle, not needed, or asked to shut down.',
    `SuccessExitStatus=${NO_RESTART_CODES.join(' ')}`,
    '# Something must be fixed first: the configuration, a key, or the machine by a reboot.',
    `RestartPreventExitStatus=${NEEDS_FIX_CODES.join(' ')}`,
    '',
    '# Control groups for the limits of tasks.',
    'Delegate=yes',
    '# A task that runs out of memory does not end the worker.',
    'OOMPolicy=continue',
    '# Most processes and files belong to tasks, which have their own limits.',
    'TasksMax=infinity',
    'LimitNOFILE=65536',
    '# A core dump would contain tokens.',
    'LimitCORE=0',
    'KeyringMode=private',
    ...(engines.includes('native') && !isDocker ? ['PrivateTmp=yes'] : []),
    ...(onlyDocker ? CONTAINERS_ONLY : []),
    '',
    '[Install]',
    'WantedBy=multi-user.target',
  ];
  return `${lines.join('\n')}\n`;
}

const CONTAINERS_ONLY = [
  '',
  '# All tasks run in containers, which are not processes of this service.',
  'NoNewPrivileges=yes',
  'ProtectSystem=full',
  'ProtectKernelTunables=yes',
  'ProtectKernelModules=yes',
  'ProtectKernelLogs=yes',
  'ProtectClock=yes',
  'ProtectHostname=yes',
  'LockPersonality=yes',
  'RestrictRealtime=yes',
  'RestrictNamespaces=yes',
  'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
  'SystemCallArchitectures=native',
];

/** Quotes a word for systemd (systemd.syntax(7)). */
function unitWord(word: string): string {
  const escaped = word.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%');
  return /^[\w@%+=:,./\\-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}

/** Quotes an argument of a command, in which systemd replaces variables (systemd.service(5)). */
function argument(word: string): string {
  return unitWord(word).replaceAll('$', '$$$$');
}
