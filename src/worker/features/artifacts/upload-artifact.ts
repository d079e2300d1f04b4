import { gzipped } from '../../files/gzip.ts';
import { namelessFile } from '../../files/new-file.ts';
import { TaskError } from '../../outcome.ts';
import { putFile, type Upload } from '../../files/put.ts';
import type { FinishingRun } from '../feature.ts';
import type { ArtifactRequest } from '../payload.ts';
import { contentEncodingOf, contentTypeOf } from './content.ts';
import type { FoundFile, NotFound, Wanted } from './find.ts';
import { nameProblem, nameWarning } from './name.ts';

/**
 * Uploads what a payload wants, or tells the queue why there is nothing.
 *
 * @throws Error what went wrong, which is in the task's log by then
 */
export async function uploadArtifact(
  run: FinishingRun,
  request: ArtifactRequest,
  { name, look }: Wanted,
): Promise<void> {
  const { log, signal } = run;
  try {
    signal.throwIfAborted();
    const problem = nameProblem(name);
    if (problem) throw new TaskError('malformed-payload', `artifact ${JSON.stringify(name)}: ${problem}`);
    const warning = nameWarning(name);
    if (warning) log.warn(`artifact ${JSON.stringify(name)}: ${warning}`);
    const found = await look();
    if (!found) return;
    if ('reason' in found) await tellWhyNot(run, request, found);
    else await uploadFile(run, request, found);
  } catch (error) {
    if (!signal.aborted) log.error((error as Error).message);
    throw error;
  }
}

async function tellWhyNot(run: FinishingRun, request: ArtifactRequest, found: NotFound): Promise<void> {
  const { calls, log, signal } = run;
  const { name, file, reason, message } = found;
  const expires = expiryOf(run, request);
  log.error(
    `Uploading error artifact ${name} from file ${file} with message "${message}", reason "${reason}", and expiry ${expires}`,
  );
  await calls.createArtifact(name, { storageType: 'error', reason, message, expires }, signal);
  if (request.optional) return;
  throw new TaskError('task-failed', `TASK FAILURE during artifact upload: ${reason}: ${message}`);
}

async function uploadFile(run: FinishingRun, request: ArtifactRequest, found: FoundFile): Promise<void> {
  const { calls, log, signal } = run;
  const { name, file, size } = found;
  await using handle = found.handle;
  const contentType = request.contentType ?? contentTypeOf(file);
  const contentEncoding = request.contentEncoding ?? contentEncodingOf(file);
  const expires = expiryOf(run, request);
  log.info(
    `Uploading artifact ${name} from file ${file} with content encoding "${contentEncoding}", mime type "${contentType}" and expiry ${expires}`,
  );
  const asked = { storageType: 's3', contentType, contentLength: size, expires } as const;
  const answer = await calls.createArtifact(name, asked, signal);
  if (answer.storageType !== 's3') throw new Error(`asked for an s3 artifact, got ${answer.storageType}`);
  const put = ({ content, contentEncoding }: Upload) =>
    putFile(answer.putUrl, content, { contentType, contentEncoding, signal });
  if (contentEncoding === 'identity') {
    await put({ content: handle, contentEncoding });
    return;
  }
  await using upload = await gzipped(handle, () => namelessFile(`${run.folder}.artifact`), signal);
  // A slot has two descriptors for each upload, not three.
  if (upload.content !== handle) await handle.close();
  await put(upload);
}

function expiryOf({ claim: { task } }: FinishingRun, request: ArtifactRequest): string {
  return request.expires ?? task.expires ?? task.deadline;
}
