import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll } from 'vitest';
import { connectDocker, type Connected } from '../../src/worker/engines/docker/api/index.ts';
import {
  dockerImages,
  type DockerImages,
  type DockerImagesOptions,
} from '../../src/worker/engines/docker/images/index.ts';
import { removeName } from '../../src/worker/engines/docker/images/engine-images.ts';
import { OWN_REGISTRY } from '../../src/worker/engines/docker/images/image-name.ts';
import type { ImageWanted } from '../../src/worker/engines/container.ts';

/** A connection to the engine of the tests, for those of one file. */
export function engineOfTests(): { readonly docker: Connected } {
  let docker: Connected | undefined;
  beforeAll(async () => {
    docker = await connectDocker(process.env.TCW_TEST_DOCKER_HOST);
    for (const name of (await namesIn(docker)).ours) earlier.add(name);
  });
  afterAll(async () => {
    await docker?.client[Symbol.asyncDispose]();
  });
  return {
    get docker() {
      if (!docker) throw new Error('there is no engine yet');
      return docker;
    },
  };
}

/** Limits with which no test waits for long. */
const QUICK = {
  backoff: { baseMs: 100, capMs: 100 },
  rateBackoff: { baseMs: 100, capMs: 100 },
  attempts: 3,
  reportEveryMs: 0,
};

/** On a machine's own engine, a worker may have left images before: no test touches them. */
const begunMs = Date.now();
const earlier = new Set<string>();

export async function openImages(
  docker: Connected,
  { limits, ...options }: DockerImagesOptions = {},
): Promise<DockerImages> {
  const images = await dockerImages(docker, { limits: { ...QUICK, ...limits }, ...options });
  const { store } = images;
  const unused = () => store?.unused().filter(({ lastUsedMs }) => lastUsedMs >= begunMs) ?? [];
  return { ...images, store: store && { ...store, unused } };
}

/** Removes from the engine what tests have had it keep. */
export async function removeOurs(docker: Connected): Promise<void> {
  for (const name of (await namesIn(docker)).ours) await removeName(docker.client, name);
}

/** Somebody who wants an image. */
export function wanting(): ImageWanted & {
  readonly lines: string[];
  readonly stop: (reason: Error) => void;
} {
  const controller = new AbortController();
  const lines: string[] = [];
  const say = (message: string) => void lines.push(message);
  return {
    lines,
    log: { info: say, warn: say },
    signal: controller.signal,
    stop: reason => controller.abort(reason),
  };
}

/** All names that the engine has: those of ours, which were not there before, and the others. */
export async function namesIn({ client }: Connected): Promise<{ ours: string[]; others: string[] }> {
  const all = await client.json<{ RepoTags: string[] | null; RepoDigests: string[] | null }[]>({
    method: 'GET',
    path: '/images/json',
  });
  const names = all.flatMap(({ RepoTags, RepoDigests }) => [...(RepoTags ?? []), ...(RepoDigests ?? [])]);
  return {
    ours: names.filter(name => name.startsWith(OWN_REGISTRY) && !earlier.has(name)),
    others: names.filter(name => !name.startsWith(OWN_REGISTRY)),
  };
}

/** Removes what is of ours and not in use. */
export async function removeUnused(images: DockerImages): Promise<string[]> {
  const removed: string[] = [];
  for (const entry of images.store?.unused() ?? []) {
    if (await entry.remove()) removed.push(entry.description);
  }
  return removed;
}

/** What `docker save` writes. */
export async function saved({ client }: Connected, ...names: string[]): Promise<Buffer> {
  const query = names.map(name => `names=${name}`).join('&');
  const { body } = await client.stream({ method: 'GET', path: `/images/get?${query}` });
  return collect(body);
}

async function collect(body: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  body.on('data', (part: Buffer) => void parts.push(part));
  await once(body, 'end');
  return Buffer.concat(parts);
}
