import { rm } from 'node:fs/promises';
import { concatMap, from, lastValueFrom, mergeMap, toArray } from 'rxjs';
import { TaskError } from '../../outcome.ts';
import { gzipped, putFile } from '../../put.ts';
import type { Feature, FeatureRun } from '../feature.ts';
import { logNames } from '../logs.ts';
import type { ArtifactRequest } from '../payload.ts';
import { contentEncodingOf, contentTypeOf } from './content.ts';
import { findArtifact, type Found } from './find.ts';
import { artifactName, nameProblem } from './name.ts';

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
    for (const request of payload.artifacts ?? []) {
      const name = artifactName(request);
      // The files of the run's folder itself go by their own names.
      const isFolder = name === '.' && request.type === 'directory';
      const problem =
        (isFolder ? undefined : nameProblem(name)) ?? expiryProblem(request.expires, claim.task);
      if (problem) throw new TaskError('malformed-payload', `artifact ${JSON.stringify(name)}: ${problem}`);
    }
  },
  async finish(run) {
    const uploads$ = from(unreserved(run)).pipe(
      concatMap(async request =>
        (await findArtifact(request, run.folder)).map(found => ({ request, found })),
      ),
      concatMap(found => found),
      mergeMap(
        async ({ request, found }, index) => ({
          index,
          failure: await failureOf(uploadOne(run, request, found, index), run),
        }),
        UPLOADS_AT_ONCE,
      ),
      toArray(),
    );
    const ended = (await lastValueFrom(uploads$)).sort((one, other) => one.index - other.index);
    const first = ended.find(({ failure }) => failure !== undefined);
    if (first) throw first.failure;
  },
};

/** What the worker itself uploads under a name is what that name stands for. */
function unreserved({ payload, log }: FeatureRun): ArtifactRequest[] {
  const reserved = Object.values(logNames(payload));
  return (payload.artifacts ?? []).filter(request => {
    const name = artifactName(request);
    const taken = reserved.includes(name);
    if (taken) {
      log.warn(
        `Not uploading artifact ${name} found in task.payload.artifacts section, since this will be uploaded later by the log`,
      );
    }
    return !taken;
  });
}

/** A failure ends neither the other uploads, nor leaves them on their way while the run goes on. */
async function failureOf(upload: Promise<void>, { log, signal }: FeatureRun): Promise<unknown> {
  try {
    await upload;
    return undefined;
  } catch (error) {
    if (!signal.aborted) log.error((error as Error).message);
    return error;
  }
}

async function uploadOne(
  run: FeatureRun,
  request: ArtifactRequest,
  found: Found,
  index: number,
): Promise<void> {
  const { calls, claim, log, signal } = run;
  signal.throwIfAborted();
  const problem = nameProblem(found.name);
  if (problem) throw new TaskError('malformed-payload', `artifact ${JSON.stringify(found.name)}: ${problem}`);
  const expires = request.expires ?? claim.task.expires ?? claim.task.deadline;
  if ('reason' in found) {
    const { name, file, reason, message } = found;
    log.error(
      `Uploading error artifact ${name} from file ${file} with message "${message}", reason "${reason}", and expiry ${expires}`,
    );
    await calls.createArtifact(name, { storageType: 'error', reason, message, expires }, signal);
    if (request.optional) return;
    throw new TaskError('task-failed', `TASK FAILURE during artifact upload: ${reason}: ${message}`);
  }
  const { name, file, size } = found;
  const contentType = request.contentType ?? contentTypeOf(file);
  const contentEncoding = request.contentEncoding ?? contentEncodingOf(file);
  log.info(
    `Uploading artifact ${name} from file ${file} with content encoding "${contentEncoding}", mime type "${contentType}" and expiry ${expires}`,
  );
  const asked = { storageType: 's3', contentType, contentLength: size, expires } as const;
  const answer = await calls.createArtifact(name, asked, signal);
  if (answer.storageType !== 's3') throw new Error(`asked for an s3 artifact, got ${answer.storageType}`);
  if (contentEncoding === 'identity') {
    await putFile(answer.putUrl, file, { contentType, contentEncoding, signal });
    return;
  }
  const zipped = `${run.folder}.artifact-${index}.gz`;
  try {
    const upload = await gzipped(file, zipped, signal);
    await putFile(answer.putUrl, upload.content, { ...upload, contentType, signal });
  } finally {
    await rm(zipped, { force: true });
  }
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
