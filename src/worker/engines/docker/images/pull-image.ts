import { setTimeout as sleep } from 'node:timers/promises';
import { fullJitter, type Secret } from '../../../../base/index.ts';
import type { ImageWanted } from '../../container.ts';
import { DockerError, type DockerClient } from '../api/index.ts';
import { engineMessages } from './engine-messages.ts';
import type { ImageLimits } from './image-limits.ts';
import type { ImageName } from './image-name.ts';
import { ImageError, imageProblem } from './image-problem.ts';
import { pullProgress } from './pull-progress.ts';
import { Stalled, stallWatch } from './stall-watch.ts';

/** Login for a registry. */
export interface RegistryCredentials {
  readonly username: string;
  readonly password: Secret;
}

export interface PullOptions {
  /** The login for a registry's host, such as `docker.io`. */
  readonly credentials: (registry: string) => RegistryCredentials | undefined;
  readonly limits: ImageLimits;
  /** Frees disk space, if anything can be removed. */
  readonly makeRoom?: (() => Promise<unknown>) | undefined;
}

/**
 * Has the engine pull an image. Temporary errors are retried.
 *
 * @throws ImageError, or the reason of the signal
 */
export async function pullImage(
  client: DockerClient,
  name: ImageName,
  { log, signal }: ImageWanted,
  { credentials, limits, makeRoom }: PullOptions,
): Promise<void> {
  let hasMadeRoom = false;
  for (let attempt = 1; ; attempt++) {
    try {
      await pullOnce(client, name, { log, signal }, credentials(name.registry), limits);
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ImageError)) throw error;
      if (error.problem === 'disk-full' && makeRoom && !hasMadeRoom) {
        hasMadeRoom = true;
        log.warn(`${error.message}; removing unused images and caches, then trying again`);
        await makeRoom();
        continue;
      }
      if (!error.isPassing || attempt >= limits.attempts) throw error;
      const waitMs = fullJitter(attempt, error.problem === 'rate' ? limits.rateBackoff : limits.backoff);
      log.warn(`${error.message}; trying again in ${Math.ceil(waitMs / 1_000)} s`);
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
      signal.throwIfAborted();
    }
  }
}

async function pullOnce(
  client: DockerClient,
  { full, registry, path, tag, digest }: ImageName,
  { log, signal }: ImageWanted,
  credentials: RegistryCredentials | undefined,
  { stallMs, reportEveryMs }: ImageLimits,
): Promise<void> {
  using watch = stallWatch(signal, stallMs);
  const progress = pullProgress();
  let reportedAt = performance.now();
  try {
    const { body } = await client.stream({
      method: 'POST',
      path: '/images/create',
      query: { fromImage: `${registry}/${path}`, tag: digest ?? tag },
      headers: credentials && authHeader(registry, credentials),
      signal: watch.signal,
      timeoutMs: 0,
    });
    for await (const word of engineMessages(body)) {
      watch.moved();
      progress.add(word);
      if (performance.now() - reportedAt < reportEveryMs) continue;
      reportedAt = performance.now();
      log.info(`Pulling image ${full}: ${progress.text()}`);
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof DockerError || error instanceof Stalled)) throw error;
    throw new ImageError(imageProblem(error.message), full, error.message, error);
  }
}

/** The engine requires the URL alphabet, with padding (RFC 4648, section 5). */
function authHeader(registry: string, { username, password }: RegistryCredentials): Record<string, string> {
  const json = JSON.stringify({ username, password: password.reveal(), serveraddress: registry });
  const text = Buffer.from(json).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
  return { 'x-registry-auth': text };
}
