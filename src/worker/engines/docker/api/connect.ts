import { addressOf, DEFAULT_ADDRESS } from './address.ts';
import { DockerClient } from './client.ts';
import { codeOf, DockerError } from './docker-error.ts';

/** The engine's description of itself. */
export interface EngineVersion {
  /** Version of the engine, `20.10.24`. */
  readonly engine: string;
  /** Version of the API that this connection uses, `1.41`. */
  readonly api: string;
  /** As Go names it: `linux`, `amd64`. */
  readonly os: string;
  readonly arch: string;
}

export interface Connected {
  readonly client: DockerClient;
  readonly version: EngineVersion;
}

/** The oldest usable API (Docker 20.10, Podman 4). */
const OLDEST = '1.41';
/** The newest API that tcw knows. Newer engines accept it, unless they say otherwise. */
const NEWEST = '1.51';

const CONNECT_MS = 10_000;
/** One header carries a path of up to 4,096 bytes in base64 of JSON, where each byte may take six. */
const MAX_HEADER_BYTES = 64 * 1024;
/** An engine closes idle connections only when it ends. */
const IDLE_MS = 60_000;

/**
 * Connects to an engine and negotiates the version of the API.
 *
 * @param host address of the engine; default: `DOCKER_HOST`, then the usual socket
 * @param absentMs how long later calls wait for an engine that has stopped listening, in ms; default: not at all
 * @throws DockerError when no engine answers, or it is too old or too new
 */
export async function connectDocker(host = process.env.DOCKER_HOST ?? '', absentMs = 0): Promise<Connected> {
  const address = addressOf(host === '' ? DEFAULT_ADDRESS : host);
  // Loading takes a while, and most workers run no containers.
  const { Pool } = await import('undici');
  const pool = new Pool(address.origin, {
    // Each running container uses a connection for its end and another for its output.
    connections: null,
    pipelining: 1,
    allowH2: false,
    connect: {
      timeout: CONNECT_MS,
      ...(address.socketPath !== undefined && { socketPath: address.socketPath }),
    },
    keepAliveTimeout: IDLE_MS,
    // Each call has its own time limit.
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  try {
    const version = await versionOf(new DockerClient(address, pool));
    return { client: new DockerClient(address, pool, version.api, absentMs), version };
  } catch (error) {
    await pool.destroy();
    throw error;
  }
}

interface VersionAnswer {
  readonly Version: string;
  readonly ApiVersion: string;
  readonly MinAPIVersion?: string;
  readonly Os: string;
  readonly Arch: string;
}

async function versionOf(client: DockerClient): Promise<EngineVersion> {
  const { name } = client.address;
  const answer = await client
    .json<VersionAnswer>({ method: 'GET', path: '/version', timeoutMs: CONNECT_MS })
    .catch((error: unknown) => {
      throw notAnswering(name, error);
    });
  const { Version, ApiVersion, MinAPIVersion = OLDEST, Os, Arch } = answer;
  if (typeof ApiVersion !== 'string') throw new DockerError(`the server at ${name} is not a Docker engine`);
  if (isOlder(ApiVersion, OLDEST)) {
    throw new DockerError(
      `the Docker engine at ${name} is too old: it is ${Version}, with API ${ApiVersion}; tcw needs API ${OLDEST} (Docker 20.10)`,
    );
  }
  if (isOlder(NEWEST, MinAPIVersion)) {
    throw new DockerError(
      `the Docker engine at ${name} is too new: it is ${Version}, and requires at least API ${MinAPIVersion}; this tcw supports at most API ${NEWEST}`,
    );
  }
  const api = isOlder(ApiVersion, NEWEST) ? ApiVersion : NEWEST;
  return { engine: Version, api, os: Os, arch: Arch };
}

function notAnswering(name: string, error: unknown): DockerError {
  if (error instanceof DockerError && error.status !== undefined) {
    return new DockerError(`the server at ${name} is not a Docker engine: ${error.message}`, {
      cause: error,
    });
  }
  const code = codeOf(error instanceof Error ? error.cause : error);
  const fix =
    code === 'EACCES'
      ? 'add the user of the worker to the group that may use it'
      : 'install docker.io, or set dockerHost';
  return new DockerError(`no Docker engine answers at ${name} (${code ?? 'no answer'}): ${fix}`, {
    cause: error,
  });
}

/** Whether one API version is older than another. */
function isOlder(one: string, other: string): boolean {
  const [[major = 0, minor = 0], [otherMajor = 0, otherMinor = 0]] = [one, other].map(version =>
    version.split('.').map(Number),
  ) as [number[], number[]];
  return major === otherMajor ? minor < otherMinor : major < otherMajor;
}
