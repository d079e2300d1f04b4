import { posix } from 'node:path';
import type { CommandSpec, MountSpec } from '../task-spec.ts';

/** `link`: a program that is downloaded and run before any other commands of the payload. */
export interface LinkedProgram {
  readonly url: string;
  /** Hexadecimal. */
  readonly sha256?: string;
  readonly arguments?: readonly string[];
}

/** Makes the program executable and replaces the shell with it. */
const BECOME = 'chmod +x "$0" && exec "$0" "$@"';

/** Returns what a link asks for: a mounted file, and the command that runs it. */
export function linkedProgram(link: LinkedProgram | undefined): {
  readonly mounts: readonly MountSpec[];
  readonly commands: readonly CommandSpec[];
} {
  if (!link) return { mounts: [], commands: [] };
  const { url, sha256, arguments: words = [] } = link;
  const path = fileNameOf(url);
  return {
    mounts: [{ kind: 'file', path, content: { kind: 'url', url, ...(sha256 !== undefined && { sha256 }) } }],
    commands: [{ argv: ['sh', '-c', BECOME, `./${path}`, ...words] }],
  };
}

/** Returns the last part of the URL's path, if it is a simple name. */
function fileNameOf(url: string): string {
  const name = posix.basename(URL.parse(url)?.pathname ?? '');
  return /^[\w][\w.+-]{0,99}$/.test(name) ? name : 'linked-program';
}
