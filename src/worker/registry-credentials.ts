import { readFile } from 'node:fs/promises';
import { Secret } from '../base/index.ts';
import type { RegistryCredentials } from './engines/docker/index.ts';

/** Docker's configuration files use these names for Docker Hub. Image names use another. */
const HUB = ['index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com'];

/**
 * Reads a file that `docker login` has written (`config.json`). Returns users and passwords by the registry's
 * host, such as `docker.io`.
 *
 * @throws Error that names the file, but never a password
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
    throw wrong(
      'refers to a program for credentials (credsStore, credHelpers). Write the credentials into auths',
    );
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

/** Does not use the parser's own message, which would quote the text. */
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
    throw wrong('is not a Docker configuration: {"auths": {"<registry>": {"auth": …}}}');
  return value as DockerConfig;
}

function decoded(auth: unknown): string {
  return typeof auth === 'string' ? Buffer.from(auth, 'base64').toString() : '';
}

/**
 * Keys are addresses such as `https://index.docker.io/v1/` or `127.0.0.1:5000`. Image names contain only a
 * host, and Docker Hub always has the same one.
 */
function hostOf(place: string): string {
  const [host = place] = place.replace(/^https?:\/\//, '').split('/');
  return HUB.includes(host) ? 'docker.io' : host;
}
