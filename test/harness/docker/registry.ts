import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DockerClient } from '../../../src/worker/engines/docker/api/index.ts';
import { PATIENCE_MS } from '../../patience.ts';
import { startLifeline } from '../lifeline.ts';
import { freePorts } from '../ports.ts';

/** The user of a registry that requires credentials. */
const REGISTRY_USER = { username: 'tcw-test', password: 'tcw-secret' } as const;
/** The same as a header for calls to the engine. The engine requires the URL alphabet of base64, with padding. */
export const REGISTRY_AUTH = {
  'x-registry-auth': Buffer.from(JSON.stringify(REGISTRY_USER))
    .toString('base64')
    .replaceAll('+', '-')
    .replaceAll('/', '_'),
};
/** The password, hashed with bcrypt. */
const HTPASSWD = 'tcw-test:$2b$04$01U1zTlFZfN9DUVQrzWsluMAMmgdUc9bFtGyyT/P9k3YESdPdOV/G\n';

/** An image registry on this machine. Without credentials, everybody may push and pull. */
export interface TestRegistry extends AsyncDisposable {
  /** `127.0.0.1:5000`: the beginning of image names. An engine on this machine uses it without TLS. */
  readonly host: string;
  /** Pushes an image of the engine to the registry. The image gets no lasting additional name in the engine. */
  push(
    client: DockerClient,
    image: string,
    name: string,
  ): Promise<{ readonly name: string; readonly digest: string }>;
}

/**
 * Starts Debian's docker-registry on a free port of 127.0.0.1. The engine can reach it, because the tests run where the
 * engine is.
 *
 * @throws Error with the last lines of its log if it does not start
 */
export async function startRegistry({ needsCredentials = false } = {}): Promise<TestRegistry> {
  const folder = await mkdtemp(join(tmpdir(), 'tcw-registry-'));
  const [port = 0] = await freePorts(1);
  const host = `127.0.0.1:${port}`;
  await writeFile(join(folder, 'htpasswd'), HTPASSWD);
  await writeFile(join(folder, 'config.json'), JSON.stringify(configuration(folder, host, needsCredentials)));
  const lifeline = startLifeline({
    processes: [
      {
        command: 'docker-registry',
        args: ['serve', join(folder, 'config.json')],
        env: { PATH: process.env.PATH ?? '', OTEL_TRACES_EXPORTER: 'none' },
      },
    ],
    farewell: [],
    log: join(folder, 'registry.log'),
    folder,
  });
  try {
    await listens(host, AbortSignal.any([lifeline.ended, AbortSignal.timeout(PATIENCE_MS)]));
  } catch (error) {
    await lifeline.cut();
    throw error;
  }
  return {
    host,
    push: (client, image, name) => push(client, image, `${host}/${name}`),
    [Symbol.asyncDispose]: () => lifeline.cut(),
  };
}

/** The registry reads YAML, which includes JSON. */
function configuration(folder: string, host: string, needsCredentials: boolean): object {
  return {
    version: '0.1',
    log: { level: 'warn' },
    storage: { filesystem: { rootdirectory: join(folder, 'data') }, delete: { enabled: true } },
    http: { addr: host },
    ...(needsCredentials && {
      auth: { htpasswd: { realm: 'tcw tests', path: join(folder, 'htpasswd') } },
    }),
  };
}

async function listens(host: string, signal: AbortSignal): Promise<void> {
  const isThere = () =>
    fetch(`http://${host}/v2/`, { signal }).then(
      () => true,
      () => false,
    );
  while (!(await isThere())) {
    signal.throwIfAborted();
    await sleep(25);
  }
}

async function push(client: DockerClient, image: string, name: string) {
  const [repo = '', tag = 'latest'] = name.split(/:(?=[^:/]*$)/);
  await client.json({ method: 'POST', path: `/images/${image}/tag`, query: { repo, tag } });
  try {
    const { body } = await client.stream({
      method: 'POST',
      path: `/images/${repo}/push`,
      query: { tag },
      headers: REGISTRY_AUTH,
    });
    const said = await text(body);
    const [, digest] = /"Digest":"(sha256:[0-9a-f]{64})"/.exec(said) ?? [];
    if (digest === undefined) throw new Error(`the engine could not push an image: ${said}`);
    return { name: `${repo}:${tag}`, digest };
  } finally {
    await client.json({ method: 'DELETE', path: `/images/${repo}:${tag}` });
  }
}
