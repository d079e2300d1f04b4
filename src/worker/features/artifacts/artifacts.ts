import { TaskError } from '../../outcome.ts';
import type { Feature, FinishingRun } from '../feature.ts';
import { logNames } from '../logs.ts';
import { contentTypeProblem } from './content.ts';
import { findArtifact } from './find.ts';
import { inTurn } from './in-turn.ts';
import { artifactName, nameProblem } from './name.ts';
import { uploadArtifact } from './upload-artifact.ts';

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
        (isFolder ? undefined : nameProblem(name)) ??
        contentTypeProblem(request.contentType) ??
        expiryProblem(request.expires, claim.task);
      if (problem) throw new TaskError('malformed-payload', `artifact ${JSON.stringify(name)}: ${problem}`);
    }
  },
  async finish(run) {
    await inTurn(allWanted(run), UPLOADS_AT_ONCE, ({ request, wanted }) =>
      uploadArtifact(run, request, wanted),
    );
  },
};

/** All that is to be uploaded, each when it is asked for. */
async function* allWanted({ payload, home, log, signal }: FinishingRun) {
  // What the worker itself uploads under a name is what that name stands for.
  const reserved = Object.values(logNames(payload));
  for (const request of payload.artifacts ?? []) {
    signal.throwIfAborted();
    for await (const wanted of findArtifact(request, home)) {
      signal.throwIfAborted();
      if (!reserved.includes(wanted.name)) yield { request, wanted };
      else
        log.warn(
          `Not uploading artifact ${wanted.name} found in task.payload.artifacts section, since this will be uploaded later by the log`,
        );
    }
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
