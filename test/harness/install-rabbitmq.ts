import { execa } from 'execa';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Whether this is a Debian, or one of its descendants, and we may install packages on it. */
export function canInstallRabbitmq(): boolean {
  return process.getuid?.() === 0 && existsSync('/etc/debian_version') && existsSync('/usr/bin/apt-get');
}

/**
 * Installs Debian's package, and says so. No service is started.
 *
 * @throws Error with the last lines that apt-get printed
 */
export async function installRabbitmq(): Promise<void> {
  console.error(
    'tcw: installing the Debian package rabbitmq-server for the tests (its service is not started) …',
  );
  const script = fileURLToPath(new URL('install-rabbitmq.sh', import.meta.url));
  // Detached, and not killed with us: it ends by itself, and takes back what it changed.
  const { failed, all } = await execa('/bin/sh', [script], {
    all: true,
    detached: true,
    cleanup: false,
    stdin: 'ignore',
    reject: false,
  });
  if (failed)
    throw new Error(`apt-get could not install rabbitmq-server:\n${all.split('\n').slice(-15).join('\n')}`);
}
