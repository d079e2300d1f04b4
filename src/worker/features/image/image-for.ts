import { Readable } from 'node:stream';
import type { HeldImage, Images } from '../../engines/container.ts';
import { filePieces } from '../../files/file-pieces.ts';
import { TaskError } from '../../outcome.ts';
import { shortageOf } from '../../shortage.ts';
import {
  artifactRequest,
  indexedRequest,
  reasonNotFetched,
  type DownloadLog,
  type Downloads,
} from '../../stores/index.ts';
import { prefixed } from '../../task-log/prefixed.ts';
import type { ImageSpec } from '../../task-spec.ts';
import type { RunHandle } from '../feature.ts';

/** The stores that an image comes from. */
interface ImageStores {
  readonly rootUrl: string;
  /** Opens the worker's downloads. */
  readonly downloads: () => Promise<Downloads>;
}

/** Bytes of an archive that are read at a time. */
const PIECE_BYTES = 256 * 1024;

interface RunImage {
  /** The engine keeps the image until this is disposed of. */
  readonly held: HeldImage;
  /** Hexadecimal SHA-256 of the artifact that contained the image, if there was one. */
  readonly archiveHash?: string;
}

type ArtifactImage = Exclude<ImageSpec, { kind: 'named' }>;

/**
 * Gets the image of one run, from a registry or from an artifact.
 *
 * @throws TaskError, an error of the engine, or the reason of the run's signal
 */
export async function imageFor(wanted: ImageSpec, run: RunHandle, stores: ImageStores): Promise<RunImage> {
  const { images } = run.engine;
  if (!images) throw new TypeError('the engine has no images, though it has containers');
  const log = prefixed(run.log, '[image]');
  const image =
    wanted.kind === 'named'
      ? { held: await images.get({ kind: 'named', name: wanted.name }, { log, signal: run.signal }) }
      : await fromArtifact(wanted, run, { ...stores, images, log });
  const { id, isCached } = image.held;
  log.info(isCached ? `Using image ${id}, which this worker already has` : `Using image ${id}`);
  return image;
}

async function fromArtifact(
  wanted: ArtifactImage,
  run: RunHandle,
  { images, log, ...stores }: ImageStores & { readonly images: Images; readonly log: DownloadLog },
): Promise<RunImage> {
  const { signal } = run;
  await using download = await downloaded(wanted, run, { ...stores, log });
  const held = await images.get(
    {
      kind: 'archive',
      name: nameOf(wanted),
      key: download.sha256,
      // The archive may be read again, but a stream of the handle itself would close it.
      open: () => Promise.resolve(Readable.from(piecesOf(download), { objectMode: false })),
      verify: () => download.verify(),
    },
    { log, signal },
  );
  return { held, archiveHash: download.sha256 };
}

function piecesOf({ handle, bytes }: Awaited<ReturnType<typeof downloaded>>): AsyncIterable<Buffer> {
  return filePieces(handle, bytes, () => Buffer.allocUnsafeSlow(PIECE_BYTES));
}

/** Gets the artifact with the task's rights, or from the worker's downloads if they contain it. */
async function downloaded(
  wanted: ArtifactImage,
  { calls, signal }: RunHandle,
  { rootUrl, downloads, log }: ImageStores & { readonly log: DownloadLog },
) {
  try {
    const asking = { rootUrl, service: (until?: AbortSignal) => calls.service(until) };
    const request =
      wanted.kind === 'artifact'
        ? artifactRequest(wanted, asking)
        : await indexedRequest(wanted, asking, signal);
    return await (await downloads()).get(request, { log, signal });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TaskError || shortageOf(error) !== undefined) throw error;
    const reason = reasonNotFetched(error);
    if (reason === undefined) throw error;
    throw new TaskError('task-failed', `cannot obtain the image of ${nameOf(wanted)}: ${reason}`, {
      cause: error,
    });
  }
}

function nameOf(wanted: ArtifactImage): string {
  return wanted.kind === 'artifact'
    ? `task ${wanted.taskId} artifact ${wanted.artifact}`
    : `namespace ${wanted.namespace} artifact ${wanted.artifact}`;
}
