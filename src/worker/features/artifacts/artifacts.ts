import { contentTypeProblem } from '../../artifacts/content.ts';
import { artifactName, nameProblem } from '../../artifacts/name.ts';
import { permits } from '../../files/permits.ts';
import type { TaskFiles } from '../../files/task-files.ts';
import { ownSchemaPart } from '../../schema-part.ts';
import type { ArtifactSpec } from '../../task-spec.ts';
import { feature, serving, type Ending, type RunHandle } from '../feature.ts';
import { findArtifact } from './find.ts';
import { forEachConcurrently } from './for-each-concurrently.ts';
import { logProgress } from './progress.ts';
import { uploadArtifact } from './upload-artifact.ts';
import { volumesFor } from './volumes.ts';

/** Small uploads mostly wait for answers, so more of them run at a time than generic-worker's ten. */
const UPLOADS_AT_ONCE = 32;
/** How many of these uploads may be of larger files, which need buffers and a temporary file. */
const LARGE_AT_ONCE = 10;
/**
 * The number of uploads at a time while the worker shuts down, so that the first artifacts get the whole bandwidth.
 */
const UPLOADS_AT_ONCE_AT_SHUTDOWN = 4;

/**
 * `artifacts`: files and directories to upload when the commands have ended, whatever their result. A missing
 * one becomes an error artifact and fails the task, unless it is optional.
 */
export const artifacts = feature({
  name: 'artifacts',
  schema: {
    'generic-worker': () => ownSchemaPart('generic-worker', 'artifacts'),
    'docker-worker': () => ownSchemaPart('docker-worker', 'artifacts'),
  },
  open: () =>
    serving<readonly ArtifactSpec[]>({
      ask: ({ artifacts: wanted }) => (wanted.length === 0 ? undefined : wanted),
      check: (wanted, _, { task }) => wanted.flatMap(spec => problemOf(spec, task)),
      start: async (wanted, run) => {
        let files: TaskFiles | undefined;
        return {
          container: { binds: await volumesFor(wanted, run) },
          started: sandbox => {
            files = sandbox.files;
          },
          finish: async ending => {
            if (!files || (ending.uploads !== 'all' && ending.uploads !== 'rest')) return;
            await uploadAll(wanted, files, run, ending);
          },
        };
      },
    }),
});

function problemOf(spec: ArtifactSpec, task: { deadline: string; expires?: string }): string[] {
  const name = artifactName(spec);
  // Files of the run's folder itself keep their own names.
  const isFolder = name === '.' && spec.type === 'directory';
  const problem =
    (isFolder ? undefined : nameProblem(name)) ??
    contentTypeProblem(spec.contentType) ??
    expiryProblem(spec.expires, task);
  return problem === undefined ? [] : [`artifact ${JSON.stringify(name)}: ${problem}`];
}

async function uploadAll(
  specs: readonly ArtifactSpec[],
  files: TaskFiles,
  run: RunHandle,
  { signal, uploads }: Ending,
): Promise<void> {
  const isShutdown = uploads === 'rest';
  using progress = logProgress(run.log);
  const large = permits(Math.min(LARGE_AT_ONCE, files.atOnce ?? Infinity));
  const uploading = { run, signal, progress, large, isShutdown };
  const atOnce = isShutdown ? UPLOADS_AT_ONCE_AT_SHUTDOWN : UPLOADS_AT_ONCE;
  await forEachConcurrently(allWanted(specs, files, run, signal), atOnce, ({ spec, wanted }) =>
    uploadArtifact(uploading, spec, wanted),
  );
}

/** Yields everything to upload, on demand. */
async function* allWanted(
  specs: readonly ArtifactSpec[],
  files: TaskFiles,
  { artifacts: sink, home, log }: RunHandle,
  signal: AbortSignal,
) {
  for (const spec of specs) {
    signal.throwIfAborted();
    for await (const wanted of findArtifact(spec, files, home.path, signal)) {
      signal.throwIfAborted();
      // A name that the worker itself uploads is reserved.
      const owner = sink.reservedBy(wanted.name);
      if (owner === undefined) yield { spec, wanted };
      else
        log.warn(
          `Not uploading artifact ${wanted.name} found in task.payload.artifacts section, since this will be uploaded later by ${owner}`,
        );
    }
  }
}

/**
 * The queue lets an artifact expire between the task's deadline and the task's own expiry, plus or minus a
 * second.
 */
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
