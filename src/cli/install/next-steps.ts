import { shellQuoted } from '../../base/index.ts';
import { stateDirectory, type Service } from '../../pool/index.ts';
import type { ServiceManager } from './service-options.ts';

interface Seen {
  /** Whether systemd has reloaded its units. */
  readonly isReloaded: boolean;
  readonly exists: (path: string) => boolean;
}

/** Returns the steps that remain after the installation of a service, one per line. */
export function nextSteps(service: Service, manager: ServiceManager, { isReloaded, exists }: Seen): string {
  const { name, user, command, environmentFile, directory } = service;
  const config = command.at(-1) ?? '';
  const isOther = user !== undefined && user !== 'root';
  const hasDirectory = stateDirectory(service) !== undefined || exists(directory);
  const steps = [
    ...(exists(config) ? [] : [`write ${config} (tcw show-config-schema has its properties)`]),
    ...(manager === 'systemd' && !exists(environmentFile)
      ? [`keep secrets in ${environmentFile}, mode 600, as lines like TCW_ACCESS_TOKEN=…`]
      : []),
    ...(manager === 'systemd' && isOther
      ? [
          `create the user if it does not exist: useradd --system --home-dir ${word(directory)} --shell /usr/sbin/nologin ${user}`,
        ]
      : []),
    ...(manager === 'systemd' && !hasDirectory
      ? [`install -d ${isOther ? `-o ${user} ` : ''}${word(directory)}`]
      : []),
    ...(manager === 'launchd' ? [`mkdir -p ${word(directory)}`] : []),
    ...(manager === 'systemd'
      ? [
          ...(isReloaded ? [] : ['systemctl daemon-reload']),
          `systemctl enable --now ${name}`,
          `journalctl -fu ${name}`,
        ]
      : [`launchctl bootstrap system /Library/LaunchDaemons/${name}.plist`, `tail -f /var/log/${name}.log`]),
  ];
  return `next:\n${steps.map(step => `  ${step}\n`).join('')}`;
}

/** Quotes a path for a shell if it needs quotes. */
function word(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : shellQuoted(path);
}
