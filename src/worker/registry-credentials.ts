import { readFile } from 'node:fs/promises';
import { Secret } from '../base/index.ts';
import type { RegistryCredentials } from './engines/docker/index.ts';

/** Docker Hub has this name in files of Docker, and another in names of images. */
const HUB = ['index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com'];

/**
 * Reads what `docker login` has written (`config.json`): user and password by the registry's host, `docker.io`.
 *
 * @throws Error naming the file, and never a password
 */
export async function registryCredentials(file: string): Promise<ReadonlyMap<string, RegistryCredentials>> {
  const wrong = (what: string, cause?: unknown) =>
    new Error(`dockerConfigLocation: ${file} ${what}`, cause === undefined ? {} : { cause });
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw wrong(`cannot be read: ${(error as Error).message}`, error);
  }
  const { auths, credsStore, credHelpers } = parsed(text, wrong);
  if (credsStore !== undefined || credHelpers !== undefined) {
    throw wrong('names a program that keeps credentials (credsStore, credHelpers). Write them into auths');
  }
  return new Map(
    Object.entries(auths ?? {}).map(([place, { auth }]) => {
      const [, username, password] = /^([^:]+):(.+)$/s.exec(decoded(auth)) ?? [];
      if (username === undefined || password === undefined)
        throw wrong(
          `has no user and password for ${JSON.stringify(place)}: auth must be base64 of user:password`,
        );
      return [hostOf(place), { username, password: new Secret(password) }] as const;
    }),
  );
}

interface DockerConfig {
  readonly auths?: Readonly<Record<string, { readonly auth?: unknown }>>;
  readonly credsStore?: unknown;
  readonly credHelpers?: unknown;
}

/** The parser's own message would quote the text. */
function parsed(text: string, wrong: (what: string) => Error): DockerConfig {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const { auths } = (value ?? {}) as DockerConfig;
  const isObject = typeof value === 'object' && value !== null;
  const areObjects = Object.values(auths ?? {}).every(
    entry => typeof entry === 'object' && (entry as unknown) !== null,
  );
  if (!isObject || !areObjects)
    throw wrong('is no configuration of Docker: {"auths": {"<registry>": {"auth": …}}}');
  return value as DockerConfig;
}

function decoded(auth: unknown): string {
  return typeof auth === 'string' ? Buffer.from(auth, 'base64').toString() : '';
}

/** `https://index.docker.io/v1/` and `127.0.0.1:5000` are places; images have only hosts, and those of Docker Hub one name. */
function hostOf(place: string): string {
  const [host = place] = place.replace(/^https?:\/\//, '').split('/');
  return HUB.includes(host) ? 'docker.io' : host;
}
