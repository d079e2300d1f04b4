import { execa } from 'execa';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Whether this machine runs Debian or a derivative, and this process may install packages. */
export function canInstallPackages(): boolean {
  return process.getuid?.() === 0 && existsSync('/etc/debian_version') && existsSync('/usr/bin/apt-get');
}

/**
 * Installs a Debian package and prints a message about it. It starts no service.
 *
 * @throws Error with the last lines that apt-get printed
 */
export async function installPackage(name: string): Promise<void> {
  console.error(`tcw: installing the Debian package ${name} for the tests (no service is started) …`);
  const script = fileURLToPath(new URL('install-package.sh', import.meta.url));
  // Detached, so that it is not killed with this process. It ends by itself and undoes its changes to the machine.
  const { failed, all } = await execa('/bin/sh', [script, name], {
    all: true,
    detached: true,
    cleanup: false,
    stdin: 'ignore',
    reject: false,
  });
  if (failed) throw new Error(`apt-get could not install ${name}:\n${all.split('\n').slice(-15).join('\n')}`);
}
