import { randomUUID } from 'node:crypto';
import { symlink } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { describe, expect, it, onTestFinished } from 'vitest';
import { findProgram, newFolder, PATH } from '../engines/native-fixtures.ts';
import { startWorker, type WorkerSettings } from '../engines/native-worker.ts';
import { newTracer, workers } from './hostile.ts';

/** Names that shells and loaders have their own ideas of, and some that no shell can spell. */
const NAMES =
  'SECRET TERM LANG LC_ALL PS1 PWD OLDPWD SHLVL HOSTNAME SHELL MAIL OPTIND UID _ __x LD_X GLIBC_TUNABLES a.b 1X ' +
  'BASH_FUNC_x%% npm_config_//registry/:_authToken -S $x "';

/** Variants of the programs that a command is started with. */
const shells: [string, () => Promise<WorkerSettings>][] = [
  ['the shell of this machine', async () => ({})],
  ['bash', async () => ({ shell: '/bin/bash' })],
  ['the env of busybox', withBusybox],
];

async function withBusybox(): Promise<WorkerSettings> {
  const folder = await newFolder();
  await symlink(findProgram('busybox') ?? '', path.join(folder, 'env'));
  return { searchPath: `${folder}:${PATH}` };
}

const has = (name: string) => findProgram(name.split(' ').at(-1) ?? '') !== undefined;
const variants = workers.flatMap(worker =>
  shells
    .filter(([name]) => name.startsWith('the shell') || has(name))
    .map(([shell, settings]) => ({ ...worker, shell, settings })),
);

describe.runIf(process.platform === 'linux').each(variants)(
  'the variables of a task of $user ($containment, with $shell)',
  ({ containment, prefix, settings }) => {
    it('never appear in the arguments of a program', async () => {
      const secret = randomUUID();
      const seeker = execa(await newTracer(), ['seek'], { env: { SEEK: secret }, reject: false });
      onTestFinished(() => void seeker.kill());
      await new Promise(resolve => seeker.stdout.once('data', resolve));

      const odd = Object.fromEntries(NAMES.split(' ').map(name => [name, `${secret} "${name}`]));
      const env = { ...odd, PATH };
      const given = { argv: ['env', '-0'], env, containment, toItsEnd: true, more: 30 };
      const { finish } = await startWorker(prefix, '', { ...given, ...(await settings()) });
      const { exitCode, output, more } = await finish();
      expect([exitCode, more, output.split(secret).length - 1]).toEqual([0, 30, NAMES.split(' ').length]);

      seeker.kill();
      expect((await seeker).stdout).toBe('seeking');
    });
  },
);
