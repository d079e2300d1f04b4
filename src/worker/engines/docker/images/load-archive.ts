import { statfs } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { TaskError } from '../../../outcome.ts';
import { UnpackFault } from '../../../unpack/unpack-fault.ts';
import type { ImageSource, ImageWanted } from '../../container.ts';
import { DockerError, type DockerClient } from '../api/index.ts';
import { archivePieces } from './archive-pieces.ts';
import { inspectImage } from './engine-images.ts';
import { engineMessages } from './engine-messages.ts';
import type { ImageLimits } from './image-limits.ts';
import { ImageError, imageProblem } from './image-problem.ts';
import { textOf, type KeptName } from './kept-name.ts';
import { NotExactlyOneImage, onlyImage } from './only-image.ts';
import { megabytes } from './pull-progress.ts';
import { Stalled, stallWatch } from './stall-watch.ts';

type ArchiveSource = Extract<ImageSource, { kind: 'archive' }>;

export interface LoadOptions {
  readonly limits: ImageLimits;
  readonly makeRoom?: (() => Promise<unknown>) | undefined;
  /** The engine's image directory, if it is on this machine. */
  readonly folder?: string | undefined;
}

/** How many bytes are loaded between two checks of the disk. */
const LOOK_BYTES = 64 * 1024 ** 2;

/**
 * Has the engine load the only image of an archive, under one of tcw's names.
 *
 * @returns the image's ID
 * @throws TaskError, the reason of the signal, or the error of the archive's own stream
 */
export async function loadArchive(
  client: DockerClient,
  source: ArchiveSource,
  name: KeptName,
  wanted: ImageWanted,
  options: LoadOptions,
): Promise<string> {
  const { makeRoom } = options;
  const load = () => loadOnce(client, source, name, wanted, options);
  try {
    return await load();
  } catch (error) {
    if (!(error instanceof ImageError) || error.problem !== 'disk-full' || !makeRoom) throw error;
    wanted.log.warn(`${error.message}; removing unused images and caches, then trying again`);
    await makeRoom();
    return load();
  }
}

async function loadOnce(
  client: DockerClient,
  source: ArchiveSource,
  ours: KeptName,
  { log, signal }: ImageWanted,
  { limits: { stallMs, reportEveryMs, reserveBytes }, folder }: LoadOptions,
): Promise<string> {
  let unlooked = LOOK_BYTES;
  using watch = stallWatch(signal, stallMs);
  let failure: unknown;
  let bytes = 0;
  let reportedAt = performance.now();
  const counted = async function* () {
    try {
      for await (const piece of onlyImage(archivePieces(await source.open(), watch.signal), textOf(ours))) {
        watch.moved();
        bytes += piece.length;
        unlooked += piece.length;
        if (unlooked > LOOK_BYTES) {
          unlooked = 0;
          const free = await freeBytes(folder);
          if (free < reserveBytes)
            throw new ImageError('disk-full', source.name, `${megabytes(free)} MB are left`);
        }
        if (performance.now() - reportedAt >= reportEveryMs) {
          reportedAt = performance.now();
          log.info(`Loading image ${source.name}: ${megabytes(bytes)} MB`);
        }
        yield piece;
      }
    } catch (error) {
      // The client's own error would only name the call.
      failure = error;
      throw error;
    }
  };
  try {
    const { body } = await client.stream({
      method: 'POST',
      path: '/images/load',
      headers: { 'content-type': 'application/x-tar' },
      body: Readable.from(counted(), { objectMode: false }),
      signal: watch.signal,
      timeoutMs: 0,
    });
    for await (const _word of engineMessages(body)) watch.moved();
    const found = await inspectImage(client, textOf(ours), signal);
    if (!found) throw new DockerError('the engine has loaded nothing');
    log.info(`Loaded image ${source.name}: ${found.id}`);
    return found.id;
  } catch (error) {
    signal.throwIfAborted();
    const reason: unknown = watch.signal.aborted ? watch.signal.reason : (failure ?? error);
    throw reasonOf(reason, source.name);
  }
}

async function freeBytes(folder: string | undefined): Promise<number> {
  if (folder === undefined) return Infinity;
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

function reasonOf(error: unknown, name: string): unknown {
  if (error instanceof NotExactlyOneImage)
    return new TaskError('malformed-payload', `the archive ${name} ${error.message}`);
  if (error instanceof UnpackFault) {
    return new TaskError('malformed-payload', `the archive ${name} contains no image: ${error.message}`, {
      cause: error,
    });
  }
  if (error instanceof Stalled) return new ImageError('slow', name, error.message, error);
  if (!(error instanceof DockerError)) return error;
  if (imageProblem(error.message) === 'disk-full')
    return new ImageError('disk-full', name, error.message, error);
  // Without an answer, the engine has failed.
  if (error.status === undefined && error.cause !== undefined) return error;
  return new TaskError('malformed-payload', `the engine cannot load the archive ${name}: ${error.message}`, {
    cause: error,
  });
}
