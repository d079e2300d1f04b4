import type { PostArtifactRequest } from '../../../taskcluster/index.ts';
import { ApiError } from '../../errors.ts';
import { artifactCreated } from '../messages.ts';
import type { Queue } from '../queue.ts';
import {
  acceptsArtifacts,
  describeArtifact,
  UNKNOWN_CONTENT_TYPE,
  updatedArtifact,
  type Artifact,
  type ArtifactContent,
} from '../tasks/artifact.ts';
import { statusOf, type Run, type Task } from '../tasks/task.ts';
import { slugid } from '../../slugid.ts';
import { isoTime, parseTime } from '../../times.ts';

/** Requests may be this late, because clocks differ. */
const DRIFT = 15 * 60_000;

/**
 * Adds an artifact to a run. A repeated request gets the same answer.
 *
 * @throws ApiError `InputError` for an invalid artifact, `RequestConflict` when the run accepts no more
 *   artifacts, or has a different one of this name
 */
export async function createArtifact(
  queue: Queue,
  taskId: string,
  runId: number,
  name: string,
  request: PostArtifactRequest,
): Promise<Artifact> {
  const { store, artifacts, clock, publisher } = queue;
  const now = clock.now();
  const { task, run } = findRun(store.find(taskId), runId);
  const original = artifacts.find(taskId, runId, name);
  const wanted = describe(taskId, runId, name, request, original);
  checkExpiry(task, wanted, now);
  if (!acceptsArtifacts(run, now)) throw tooLate(task);
  const artifact = original ? updatedArtifact(original, wanted) : wanted;
  if (!artifact) throw differs(original);
  artifacts.save(taskId, runId, artifact);
  // Content that is uploaded first is not there yet, so there is nothing to announce.
  const { storageType } = artifact.content;
  if (storageType !== 's3' && storageType !== 'object')
    await publisher.publish(artifactCreated(task, runId, artifact));
  return artifact;
}

/** Here, unlike elsewhere, a missing task or run is a mistake in the request. */
function findRun(task: Task | undefined, runId: number): { task: Task; run: Run } {
  const run = task?.runs[runId];
  if (!task) throw new ApiError('InputError', 'The task does not exist');
  if (!run) throw new ApiError('InputError', `The task has no run ${runId}`);
  if (run.workerId === undefined) {
    throw new ApiError('InputError', `No worker has claimed run ${runId}, so it can have no artifacts`);
  }
  return { task, run };
}

function describe(
  taskId: string,
  runId: number,
  name: string,
  request: PostArtifactRequest,
  original: Artifact | undefined,
): Artifact {
  const { contentType, contentLength } = request as { contentType?: string; contentLength?: number };
  return {
    name,
    contentType: contentType ?? UNKNOWN_CONTENT_TYPE,
    ...(contentLength !== undefined && { contentLength }),
    expires: parseTime(request.expires),
    content: contentOf(`${taskId}/${runId}/${name}`, request, original?.content),
  };
}

function contentOf(
  key: string,
  request: PostArtifactRequest,
  original: ArtifactContent | undefined,
): ArtifactContent {
  const { storageType } = request;
  switch (storageType) {
    case 's3':
      return { storageType, key };
    case 'reference':
      return { storageType, url: request.url };
    case 'link':
      return { storageType, artifact: request.artifact };
    case 'error':
      return { storageType, reason: request.reason, message: request.message };
    case 'object':
      // A repeated request is for the same upload.
      if (original?.storageType === 'object') return original;
      return { storageType, name: `t/${key}`, uploadId: slugid(), finished: false };
  }
}

function checkExpiry(task: Task, { expires }: Artifact, now: number): void {
  if (expires < now - DRIFT)
    throw new ApiError('InputError', `Artifact expires (${isoTime(expires)}) in the past`);
  if (expires <= task.expires) return;
  throw new ApiError(
    'InputError',
    `Artifact expires (${isoTime(expires)}) after the task expiration ${isoTime(task.expires)} ` +
      '(task.expires < expires) - this is not allowed, artifacts may not expire after the task they belong to expires',
  );
}

function tooLate(task: Task): ApiError {
  return new ApiError(
    'RequestConflict',
    "Artifacts cannot be created for a task after it is resolved, unless it is resolved 'exception', " +
      'and even in this case only up to 25 min past resolution.This to ensure that artifacts have been uploaded ' +
      "before a task is 'completed' and output is consumed by a dependent task\n\n" +
      `Task status: ${JSON.stringify(statusOf(task), null, 2)}`,
  );
}

function differs(original: Artifact | undefined): ApiError {
  const { storageType, contentType, expires } = (original && describeArtifact(original)) ?? {};
  return new ApiError(
    'RequestConflict',
    'Artifact already exists with different properties, and none of the allowed exceptions apply: ' +
      JSON.stringify({ storageType, contentType, expires }, null, 2),
  );
}
