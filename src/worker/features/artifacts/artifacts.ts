import { rm } from 'node:fs/promises';
import { from, lastValueFrom, mergeMap, toArray } from 'rxjs';
import { TaskError } from '../../outcome.ts';
import type { ArtifactRequest } from '../../payload.ts';
import { gzipFile, putFile } from '../../put.ts';
import type { Feature, FeatureRun } from '../feature.ts';
import { contentEncodingOf, contentTypeOf } from './content.ts';
import { findArtifact, type Found } from './find.ts';
import { nameProblem } from './name.ts';

/** As many at a time as generic-worker. */
const UPLOADS_AT_ONCE = 10;

/**
 * `artifacts`: files and directories to upload when the commands have ended, whatever came of them. One that is
 * missing becomes an error artifact and fails the task, unless it is optional.
 */
export const artifacts: Feature = {
  name: 'artifacts',
  schema: 'artifacts',
  check({ payload, claim }) {
    for (const { path, name, expires } of payload.artifacts ?? []) {
      const problem = nameProblem(name ?? path) ?? expiryProblem(expires, claim.task);
      if (problem)
        throw new TaskError('malformed-payload', `artifact ${JSON.stringify(name ?? path)}: ${problem}`);
    }
  },
  async finish(run) {
    const requests = run.payload.artifacts ?? [];
    if (requests.length === 0) return;
    const uploads$ = from(requests).pipe(
      mergeMap(async request => ({ request, found: await findArtifact(request, run.folder) })),
      mergeMap(({ request, found }) => found.map(one => ({ request, found: one }))),
      mergeMap(({ request, found }, index) => uploadOne(run, request, found, index), UPLOADS_AT_ONCE),
      toArray(),
    );
    const failure = (await lastValueFrom(uploads$)).find(message => message !== undefined);
    if (failure !== undefined) throw new TaskError('task-failed', failure);
  },
};

/** @returns the task's failure, when this artifact is one */
async function uploadOne(
  run: FeatureRun,
  request: ArtifactRequest,
  found: Found,
  index: number,
): Promise<string | undefined> {
  const { calls, claim, log, signal } = run;
  signal.throwIfAborted();
  const expires = request.expires ?? claim.task.expires ?? claim.task.deadline;
  if ('reason' in found) {
    const { name, file, reason, message } = found;
    log.error(
      `Uploading error artifact ${name} from file ${file} with message "${message}", reason "${reason}", and expiry ${expires}`,
    );
    await calls.createArtifact(name, { storageType: 'error', reason, message, expires });
    if (request.optional) return undefined;
    const failure = `TASK FAILURE during artifact upload: ${reason}: ${message}`;
    log.error(failure);
    return failure;
  }
  const { name, file, size } = found;
  const problem = nameProblem(name);
  if (problem) throw new TaskError('malformed-payload', `artifact ${JSON.stringify(name)}: ${problem}`);
  const contentType = request.contentType ?? contentTypeOf(file);
  const contentEncoding = request.contentEncoding ?? contentEncodingOf(file);
  log.info(
    `Uploading artifact ${name} from file ${file} with content encoding "${contentEncoding}", mime type "${contentType}" and expiry ${expires}`,
  );
  const answer = await calls.createArtifact(name, {
    storageType: 's3',
    contentType,
    contentLength: size,
    expires,
  });
  if (answer.storageType !== 's3') throw new Error(`asked for an s3 artifact, got ${answer.storageType}`);
  if (contentEncoding === 'identity') {
    await putFile(answer.putUrl, file, { contentType, contentEncoding, signal });
    return undefined;
  }
  const zipped = `${run.folder}.artifact-${index}.gz`;
  try {
    await gzipFile(file, zipped, signal);
    await putFile(answer.putUrl, zipped, { contentType, contentEncoding, signal });
  } finally {
    await rm(zipped, { force: true });
  }
  return undefined;
}

/** The queue allows an artifact to live from the deadline until the task itself expires, a second either way. */
function expiryProblem(
  expires: string | undefined,
  task: { deadline: string; expires?: string },
): string | undefined {
  if (expires === undefined) return undefined;
  const time = Date.parse(expires);
  if (time < Date.parse(task.deadline) - 1_000)
    return `it expires (${expires}) before the task's deadline (${task.deadline})`;
  if (task.expires !== undefined && time > Date.parse(task.expires) + 1_000) {
    return `it expires (${expires}) after the task does (${task.expires})`;
  }
  return undefined;
}
