import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { launchdPlist, systemdUnit, windowsCommands, type Service } from '../../pool/index.ts';
import { EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import { nextSteps } from './next-steps.ts';
import { serviceOf, type InstallOptions, type ServiceManager, type ThisMachine } from './service-options.ts';

export type { InstallOptions } from './service-options.ts';

interface Machine extends ThisMachine {
  /** The root directory of the machine's files. */
  readonly root: string;
  /** Called with a message for the user, beside the result. */
  readonly printMessage?: (message: string) => void;
}

const MANAGERS: Partial<Record<NodeJS.Platform, ServiceManager>> = {
  linux: 'systemd',
  darwin: 'launchd',
  win32: 'windows',
};

/**
 * `tcw install service`.
 *
 * @returns the text to print: the file or the commands, or the changes made and the next steps
 * @throws Failure
 */
export async function installService(options: InstallOptions, machine: Machine): Promise<string> {
  const own = MANAGERS[machine.platform];
  const manager = options.for ?? own;
  if (!manager) {
    throw cannot(`no service manager is known for ${machine.platform}: choose one with --for, and --print`);
  }
  const service = await serviceOf(options, manager, machine);
  const content = contentFor(service, manager);
  if (options.print) {
    const config = service.command.at(-1) ?? '';
    if (!existsSync(config)) {
      machine.printMessage?.(
        `there is no file ${config} on this machine, so this is for the default configuration`,
      );
    }
    return content;
  }
  if (manager === 'windows') {
    throw cannot('on Windows nothing is installed: run the commands that --print shows, as an administrator');
  }
  if (manager !== own) throw cannot(`this machine has no ${manager}: use --print`);
  const path = pathFor(service, manager);
  await write(join(machine.root, path), path, content, options.force === true);
  const isReloaded = manager === 'systemd' && (await reload(machine.root));
  return `wrote ${path}\n${nextSteps(service, manager, { isReloaded, exists: existsSync })}`;
}

function contentFor(service: Service, manager: ServiceManager): string {
  if (manager === 'systemd') return systemdUnit(service);
  return manager === 'launchd' ? launchdPlist(service) : windowsCommands(service);
}

function pathFor({ name }: Service, manager: ServiceManager): string {
  return manager === 'systemd'
    ? `/etc/systemd/system/${name}.service`
    : `/Library/LaunchDaemons/${name}.plist`;
}

async function write(file: string, shown: string, content: string, force: boolean): Promise<void> {
  try {
    const before = await readFile(file, 'utf8').catch(() => undefined);
    if (before !== undefined && before !== content && !force) {
      throw cannot(`${shown} exists and differs: --force replaces it, --print shows the new one`);
    }
    await writeFile(file, content, { mode: 0o644 });
  } catch (error) {
    if (error instanceof Failure) throw error;
    const { code = '' } = error as NodeJS.ErrnoException;
    const fix = code === 'EACCES' || code === 'EPERM' ? 'run this command as root' : 'use --print';
    throw cannot(`cannot write ${shown} (${code}): ${fix}`, error);
  }
}

/** Makes systemd reload its units, if it runs. Returns whether it did. */
async function reload(root: string): Promise<boolean> {
  if (!existsSync(join(root, 'run/systemd/system'))) return false;
  const { failed } = await execa('systemctl', ['daemon-reload'], { reject: false });
  return !failed;
}

function cannot(message: string, cause?: unknown): Failure {
  return new Failure(EXIT_CODES.cannotInstall.code, message, { cause });
}
