import { hasStatus, type DockerClient } from '../api/index.ts';

/** The kind of file at a path in a container, after following links. */
export type PathStat =
  | { readonly kind: 'directory' | 'neither'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string; readonly size: number; readonly mode: number };

/** The content of the engine's header. */
interface RawStat {
  readonly size: number;
  /** Bits of Go's FileMode: https://pkg.go.dev/io/fs#FileMode */
  readonly mode: number;
  /** The path with all links resolved, inside the container. */
  readonly linkTarget: string;
}

const HEADER = 'x-docker-container-path-stat';
const [DIRECTORY, LINK] = [2 ** 31, 2 ** 27];
/** Links, devices, pipes, sockets and other special files. */
const NO_FILE = DIRECTORY + LINK + 2 ** 26 + 2 ** 25 + 2 ** 24 + 2 ** 21 + 2 ** 19;
/** The engine follows links by itself. More rounds are needed only if somebody changes links meanwhile. */
const MAX_LINKS = 8;

/** The engine's messages for a path that cannot exist. */
const NOTHING_THERE = /not a directory|too many (levels of symbolic )?links/;

/** The API path of a container's files. */
export function archivePath(containerId: string): string {
  return `/containers/${containerId}/archive`;
}

/**
 * Asks the engine about the file at a path. The engine follows links inside the container only.
 *
 * @param path absolute
 * @returns undefined if nothing exists at the path
 */
export async function statOf(
  client: DockerClient,
  containerId: string,
  path: string,
): Promise<PathStat | undefined> {
  let place = path;
  for (let links = 0; links <= MAX_LINKS; links++) {
    const raw = await readStat(client, containerId, place);
    if (raw === undefined) return undefined;
    const is = (bits: number) => (BigInt(raw.mode) & BigInt(bits)) !== 0n;
    if (is(LINK)) {
      if (raw.linkTarget === '') return undefined;
      place = raw.linkTarget;
    } else if (is(DIRECTORY)) {
      return { kind: 'directory', path: place };
    } else if (is(NO_FILE)) {
      return { kind: 'neither', path: place };
    } else {
      return { kind: 'file', path: place, size: raw.size, mode: raw.mode };
    }
  }
  return undefined;
}

async function readStat(
  client: DockerClient,
  containerId: string,
  path: string,
): Promise<RawStat | undefined> {
  try {
    const headers = await client.head({ path: archivePath(containerId), query: { path } });
    return JSON.parse(Buffer.from(String(headers[HEADER]), 'base64').toString()) as RawStat;
  } catch (error) {
    if (hasStatus(error, 404)) return undefined;
    const raw = await errorWithMessage(client, containerId, path, error);
    if (NOTHING_THERE.test(raw.message)) return undefined;
    throw raw;
  }
}

/** A HEAD answer has no message. A second call gets it. */
async function errorWithMessage(
  client: DockerClient,
  containerId: string,
  path: string,
  error: unknown,
): Promise<Error> {
  try {
    const { body } = await client.stream({ method: 'GET', path: archivePath(containerId), query: { path } });
    body.destroy();
    return error as Error;
  } catch (raw) {
    return raw as Error;
  }
}
