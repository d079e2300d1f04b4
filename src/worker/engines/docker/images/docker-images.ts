import { TaskError } from '../../../outcome.ts';
import type { Store } from '../../../stores/collector.ts';
import type { HeldImage, Images, ImageSource, ImageWanted } from '../../container.ts';
import { stat } from 'node:fs/promises';
import type { Connected, DockerClient } from '../api/index.ts';
import { inspectImage, removeName, type Inspected } from './engine-images.ts';
import { DEFAULT_LIMITS, type ImageLimits } from './image-limits.ts';
import { imageName, type ImageName } from './image-name.ts';
import { keptImages, type KeptImages } from './kept-images.ts';
import { keptArchiveName, keptNameOf, loadingName, textOf, type KeptName } from './kept-name.ts';
import { loadArchive } from './load-archive.ts';
import { pullImage, type RegistryCredentials } from './pull-image.ts';
import { sharedWork } from './shared-work.ts';

export interface DockerImagesOptions {
  /** Credentials for registries, by host: `docker.io`, `127.0.0.1:5000`. */
  readonly credentials?: (registry: string) => RegistryCredentials | undefined;
  /** Frees disk space, if anything can be removed. */
  readonly makeRoom?: () => Promise<unknown>;
  readonly limits?: Partial<ImageLimits>;
}

/** The images of a Docker engine. */
export interface DockerImages extends Images, AsyncDisposable {
  /** The store for the worker's collector; undefined unless the engine keeps its images on a disk of this machine. */
  readonly store: Store | undefined;
}

type ArchiveSource = Extract<ImageSource, { kind: 'archive' }>;

/** How often an image is fetched again after its removal before its use, before this counts as an error. */
const ROUNDS = 3;

/** Finds the images that earlier workers have kept in the engine, and keeps more. */
export async function dockerImages(
  { client, version }: Connected,
  options: DockerImagesOptions = {},
): Promise<DockerImages> {
  const { credentials = () => undefined, makeRoom } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const kept = await keptImages(client);
  const folder = await folderOf(client);
  const works = sharedWork<void>();
  /** `performance.now()` of the last pull, by tcw's names. */
  const pulledAt = new Map<string, number>();

  const pull = async (
    name: ImageName,
    ours: KeptName,
    isThere: boolean,
    shared: ImageWanted,
  ): Promise<void> => {
    // A newer image is not worth a long wait.
    const attempts = isThere ? 1 : limits.attempts;
    await pullImage(client, name, shared, { credentials, limits: { ...limits, attempts }, makeRoom });
    // Another worker that pulled the same image may have removed the name already.
    const found = (await inspectImage(client, name.full)) ?? (await inspectImage(client, textOf(ours)));
    if (!found)
      throw new TaskError('internal-error', `the image ${name.full} disappeared right after it was pulled`);
    await kept.keep(ours, found.id);
    // From here on, an image that has the plain name belongs to somebody else.
    await removeName(client, name.full);
    pulledAt.set(textOf(ours), performance.now());
    warnOfPlatform(found, name.full, shared);
    shared.log.info(`Pulled image ${name.full}: ${found.id}`);
  };

  const isOld = (ours: KeptName): boolean =>
    performance.now() - (pulledAt.get(textOf(ours)) ?? -Infinity) > limits.tagMs;

  const named = async (text: string, wanted: ImageWanted): Promise<HeldImage> => {
    const name = imageName(text);
    const ours = keptNameOf(name);
    const wasPulled = works.has(textOf(ours));
    const foreign = await inspectImage(client, name.full, wanted.signal);
    // During a pull, tcw's own image has this name, too.
    if (foreign && !wasPulled && !works.has(textOf(ours))) {
      warnOfPlatform(foreign, name.full, wanted);
      return { id: foreign.id, isCached: true, [Symbol.asyncDispose]: async () => undefined };
    }
    let isFresh = name.tag === undefined;
    return held(kept, ours, name.full, wanted, async (found: boolean) => {
      if (found && (isFresh || !isOld(ours))) return false;
      wanted.log.info(`Pulling image ${name.full}`);
      try {
        await works.join(textOf(ours), wanted, shared => pull(name, ours, found, shared));
      } catch (error) {
        wanted.signal.throwIfAborted();
        if (!found || !(error instanceof TaskError)) throw error;
        wanted.log.warn(`${error.message}; using the earlier version of the image`);
        return false;
      }
      isFresh = true;
      return true;
    });
  };

  const archived = (source: ArchiveSource, wanted: ImageWanted): Promise<HeldImage> => {
    const ours = keptArchiveName(source.key);
    return held(kept, ours, source.name, wanted, async found => {
      if (found) return false;
      wanted.log.info(`Loading image ${source.name}`);
      await works.join(textOf(ours), wanted, async shared => {
        // Tasks must not find unverified content, so it gets a temporary name first.
        const loading = loadingName();
        try {
          const id = await loadArchive(client, source, loading, shared, { limits, makeRoom, folder });
          await source.verify?.();
          await kept.keep(ours, id);
        } finally {
          // If the engine is away, the name stays until a later worker collects it.
          await removeName(client, textOf(loading)).catch(() => undefined);
        }
      });
      return true;
    });
  };

  const warnOfPlatform = ({ os, arch }: Inspected, name: string, { log }: ImageWanted) => {
    if (os === '' || (os === version.os && arch === version.arch)) return;
    log.warn(
      `The image ${name} is for ${os}/${arch}, and this engine runs on ${version.os}/${version.arch}: ` +
        'its programs start only if the machine emulates the other',
    );
  };

  return {
    get: (source, wanted) =>
      source.kind === 'named' ? named(source.name, wanted) : archived(source, wanted),
    store: folder === undefined ? undefined : { folder, unused: () => kept.unused() },
    [Symbol.asyncDispose]: async () => {
      await works.ended();
      await kept.settled();
    },
  };
}

/**
 * Holds an image, and fetches it first if needed.
 *
 * @param obtain fetches the image; receives whether the engine has one, and returns whether it has fetched another
 */
async function held(
  kept: KeptImages,
  ours: KeptName,
  name: string,
  { signal }: ImageWanted,
  obtain: (isThere: boolean) => Promise<boolean>,
): Promise<HeldImage> {
  let isCached = true;
  for (let round = 1; round <= ROUNDS; round++) {
    const hold = await kept.hold(ours, signal);
    const isNew = await obtain(hold.found !== undefined).catch(async (error: unknown) => {
      await hold[Symbol.asyncDispose]();
      throw error;
    });
    if (!isNew && hold.found) {
      const { id } = hold.found;
      return { id, isCached, [Symbol.asyncDispose]: () => hold[Symbol.asyncDispose]() };
    }
    isCached = false;
    await hold[Symbol.asyncDispose]();
  }
  throw new TaskError('internal-error', `the image ${name} was removed repeatedly`);
}

/** The directory in which the engine keeps its images, if it is on this machine. */
async function folderOf(client: DockerClient): Promise<string | undefined> {
  if (client.address.socketPath === undefined) return undefined;
  const { DockerRootDir } = await client.json<{ DockerRootDir?: string }>({ method: 'GET', path: '/info' });
  if (DockerRootDir === undefined) return undefined;
  const isHere = await stat(DockerRootDir).then(
    () => true,
    () => false,
  );
  return isHere ? DockerRootDir : undefined;
}
