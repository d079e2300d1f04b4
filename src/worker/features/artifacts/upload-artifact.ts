import { contentEncodingOf, contentTypeOf } from '../../artifacts/content.ts';
import { nameProblem, nameWarning } from '../../artifacts/name.ts';
import { markLogged, TaskError } from '../../outcome.ts';
import type { ArtifactSpec } from '../../task-spec.ts';
import type { RunHandle } from '../feature.ts';
import { closeSource } from '../../files/file-source.ts';
import type { Permits } from '../../files/permits.ts';
import { StreamFailed } from '../../files/stream-pieces.ts';
import type { FoundFile, NotFound, Wanted } from './find.ts';
import type { Progress } from './progress.ts';

/** Files up to this size are uploaded from memory. */
const SMALL_BYTES = 32 * 1024;

/** The uploads of one run. */
export interface Uploading {
  readonly run: RunHandle;
  readonly signal: AbortSignal;
  readonly progress: Progress;
  /** Limits uploads of files that are not small. */
  readonly large: Permits;
  /**
   * Whether the worker is shutting down. Then the log only lists artifacts that do not exist yet or are not uploaded
   * in time.
   */
  readonly isShutdown: boolean;
}

/**
 * Uploads an artifact of the payload, or creates an error artifact.
 *
 * @throws Error that is already in the task's log
 */
export async function uploadArtifact(
  uploading: Uploading,
  spec: ArtifactSpec,
  { name, open }: Wanted,
): Promise<void> {
  const { run, signal, isShutdown } = uploading;
  const { log } = run;
  try {
    signal.throwIfAborted();
    const problem = nameProblem(name);
    if (problem) throw new TaskError('malformed-payload', `artifact ${JSON.stringify(name)}: ${problem}`);
    const warning = nameWarning(name);
    if (warning) log.warn(`artifact ${JSON.stringify(name)}: ${warning}`);
    const found = await open();
    if (!found) return;
    if ('reason' in found && isShutdown) log.warn(`Not uploading artifact ${name}: ${found.message}`);
    else if ('reason' in found) await reportMissing(run, spec, found, signal);
    else await uploadFile(uploading, spec, found);
  } catch (error) {
    if (isShutdown && signal.aborted) log.warn(`Not uploading artifact ${name}: ${(error as Error).message}`);
    if (!signal.aborted) {
      log.error((error as Error).message);
      markLogged(error);
    }
    throw error;
  }
}

async function reportMissing(
  run: RunHandle,
  spec: ArtifactSpec,
  { name, file, reason, message }: NotFound,
  signal: AbortSignal,
): Promise<void> {
  const expires = expiryOf(run, spec);
  run.log.error(
    `Uploading error artifact ${name} from file ${file} with message "${message}", reason "${reason}", and expiry ${expires}`,
  );
  await run.artifacts.error(name, { reason, message, expires, signal });
  if (spec.optional) return;
  throw new TaskError('task-failed', `TASK FAILURE during artifact upload: ${reason}: ${message}`);
}

async function uploadFile(
  { run, signal, progress, large }: Uploading,
  spec: ArtifactSpec,
  { name, file, source, size }: FoundFile,
): Promise<void> {
  await using disposal = new AsyncDisposableStack();
  disposal.defer(() => closeSource(source));
  const contentType = spec.contentType ?? contentTypeOf(file);
  const contentEncoding = spec.contentEncoding ?? contentEncodingOf(file);
  const expires = expiryOf(run, spec);
  const upload = async () => {
    signal.throwIfAborted();
    run.log.info(
      `Uploading artifact ${name} from file ${file} with content encoding "${contentEncoding}", mime type "${contentType}" and expiry ${expires}`,
    );
    const onEncoded = () => closeSource(source);
    const options = { contentType, contentEncoding, expires, size, signal, onEncoded };
    if (size <= SMALL_BYTES) return run.artifacts.upload(name, source, options);
    using onItsWay = progress.of(name);
    const { onSent } = onItsWay;
    return await run.artifacts.upload(name, source, { ...options, onSent });
  };
  try {
    await (size <= SMALL_BYTES ? upload() : large.with(upload));
  } catch (error) {
    if (!(error instanceof StreamFailed)) throw error;
    throw new TaskError(error.kind, `'${file}' ${error.message}`, { cause: error });
  }
}

function expiryOf({ claim: { task } }: RunHandle, { expires }: ArtifactSpec): string {
  return expires ?? task.expires ?? task.deadline;
}
