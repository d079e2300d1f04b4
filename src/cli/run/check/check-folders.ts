import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { diskSpace, type WorkerConfig } from '../../../worker/index.ts';
import { EXIT_CODES } from '../../words/exit-codes.ts';
import type { Findings } from './findings.ts';

const MEGABYTE = 1024 ** 2;
const { W_OK, X_OK } = constants;
const ADVICE = 'Name another folder, or change its permissions';

type Folders = Pick<WorkerConfig, 'tasksDir' | 'cachesDir' | 'downloadsDir'>;

/** Checks that the worker can write to a folder or create it, without doing so. */
export async function checkFolder(
  property: keyof Folders,
  { [property]: folder }: Partial<Folders>,
  findings: Findings,
): Promise<void> {
  if (folder === undefined) return;
  const problem = await folderProblem(folder);
  const shown = `${property} ${folder}`;
  const exists = await isThere(folder);
  if (problem === undefined) findings.ok(`${shown} ${exists ? 'is writable' : 'can be created'}`);
  else if (exists || property === 'tasksDir')
    findings.fail(EXIT_CODES.invalidConfig.code, `${shown}: ${problem}. ${ADVICE}`);
  // The folder is created when the first task needs it.
  else findings.warn(`${shown}: ${problem}, so tasks that need it will fail. ${ADVICE}`);
}

/** Returns the reason why the worker can neither write to a folder nor create it; undefined if it can. */
async function folderProblem(folder: string): Promise<string | undefined> {
  for (let path = folder; ; path = dirname(path)) {
    try {
      if (!(await stat(path)).isDirectory()) return `${path} is not a folder`;
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' && path !== dirname(path)) continue;
      if (code === 'ENOTDIR') continue;
      return `${path} cannot be reached (${code})`;
    }
    return access(path, W_OK | X_OK).then(
      () => undefined,
      (error: unknown) => `${path} is not writable (${(error as NodeJS.ErrnoException).code ?? ''})`,
    );
  }
}

async function isThere(folder: string): Promise<boolean> {
  return stat(folder).then(
    () => true,
    () => false,
  );
}

/** Compares the free disk space with what the worker requires. */
export async function checkDisk(
  { tasksDir, requiredDiskSpaceMegabytes }: Pick<WorkerConfig, 'tasksDir' | 'requiredDiskSpaceMegabytes'>,
  findings: Findings,
): Promise<void> {
  try {
    const free = Math.floor((await diskSpace(tasksDir)).freeBytes / MEGABYTE);
    const figures = `${free} MB are free at tasksDir, and requiredDiskSpaceMegabytes is ${requiredDiskSpaceMegabytes}`;
    if (free >= requiredDiskSpaceMegabytes) findings.ok(`disk: ${figures}`);
    else
      findings.warn(
        `disk: ${figures}. The worker removes unused caches, downloads and images, and asks for no work while that is not enough`,
      );
  } catch (error) {
    findings.warn(`disk: the free space is unknown (${(error as NodeJS.ErrnoException).code ?? ''})`);
  }
}
