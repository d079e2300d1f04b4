import { posix } from 'node:path';
import { CommandNotStarted } from '../../engine.ts';
import type { DockerClient } from '../api/index.ts';
import type { Inspected } from '../containers/inspected.ts';
import { statOf } from '../files/path-stat.ts';

/** Exit codes of the container's init when it could not run the command, as of a shell. */
const [NOT_EXECUTABLE, NOT_FOUND] = [126, 127];
/**
 * A longer PATH is not checked, because each of its folders costs a call to the engine. A task may name tens of
 * thousands.
 */
const MAX_PLACES = 100;
const EXECUTABLE = 0o111;
/** The engine's default PATH. */
const USUAL_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Finds out whether a command that exited with 126 or 127 existed. The container's init exits with these codes when it
 * cannot start the command, but a command may use them, too.
 *
 * @returns undefined when the command existed, or may have existed
 */
export async function whyNotStarted(
  client: DockerClient,
  containerId: string,
  exitCode: number,
  { Path: program, Config: { Env, WorkingDir } }: Inspected,
): Promise<CommandNotStarted | undefined> {
  if (exitCode !== NOT_EXECUTABLE && exitCode !== NOT_FOUND) return undefined;
  const folder = WorkingDir === '' ? '/' : WorkingDir;
  const searchPath = (Env ?? []).findLast(variable => variable.startsWith('PATH=')) ?? USUAL_PATH;
  const places = program.includes('/') ? [''] : searchPath.slice('PATH='.length).split(':');
  if (places.length > MAX_PLACES) return undefined;
  let isThere = false;
  for (const place of places) {
    const found = await statOf(client, containerId, posix.resolve(folder, place, program));
    if (found?.kind !== 'file') continue;
    isThere = true;
    if ((found.mode & EXECUTABLE) !== 0) return undefined;
  }
  const quoted = JSON.stringify(program);
  if (isThere) return new CommandNotStarted(`exec: ${quoted}: permission denied`);
  return program.includes('/')
    ? new CommandNotStarted(`exec: ${quoted}: stat ${program}: no such file or directory`)
    : new CommandNotStarted(`exec: ${quoted}: executable file not found in $PATH`);
}
