import type { ArtifactSink } from '../artifacts/sink.ts';
import { nameProblem, nameWarning } from '../artifacts/name.ts';
import { TaskError } from '../outcome.ts';
import { backingName, DEFAULT_LOGS, LOG_TYPE } from '../log-names.ts';
import { ownSchemaPart } from '../schema-part.ts';
import type { TaskLog } from '../task-log/task-log.ts';
import type { LogNames } from '../task-spec.ts';
import { namelessFile } from '../files/new-file.ts';
import { copyLog } from '../task-log/copy-log.ts';
import { feature, serving, type Ending, type RunHandle } from './feature.ts';

/**
 * `logs`: uploads the task's log, last so that it contains everything, and a link to it under the name of the
 * live log.
 */
export const logs = feature({
  name: 'the log',
  open: ({ emit }) =>
    serving<LogNames>({
      always: true,
      ask: task => task.logs,
      start: (names, run) => {
        const { artifacts, claim, log } = run;
        for (const [property, name] of Object.entries(names) as [string, string | undefined][]) {
          if (name === undefined) continue;
          artifacts.reserve(name, 'the log');
          const warning = nameWarning(name);
          if (warning) log.warn(`logs.${property} ${JSON.stringify(name)}: ${warning}`);
        }
        return {
          finishEarly: ending => uploadSoFar(names, run, ending),
          finish: async ending => {
            if (ending.finalMessage !== undefined) log.error(ending.finalMessage);
            try {
              await upload(names, log, artifacts, ending);
            } catch (err) {
              emit({ type: 'log-upload-failed', claim, err });
              throw err;
            }
            // The disk was too small for the whole log. The written part was uploaded, but the run did not
            // succeed.
            if (log.failure) throw log.failure;
          },
        };
      },
    }),
});

/** Uploads a copy of the log, and the link to it. */
async function uploadSoFar({ backing, live }: LogNames, run: RunHandle, { signal }: Ending): Promise<void> {
  const { artifacts, log } = run;
  if (backing === undefined || !artifacts.canReplace) return;
  const copy = await namelessFile(run.beside('log-so-far'));
  try {
    await copyLog(log, copy, signal);
    await artifacts.upload(backing, copy, { contentType: LOG_TYPE, contentEncoding: 'gzip', signal });
  } finally {
    await copy.close();
  }
  if (live !== undefined) await artifacts.link(live, { contentType: LOG_TYPE, signal, artifact: backing });
}

async function upload(
  { backing, live }: LogNames,
  log: TaskLog,
  artifacts: ArtifactSink,
  { uploads, logSignal: signal }: Ending,
): Promise<void> {
  if (uploads === 'none' || backing === undefined) {
    await log.end();
    return;
  }
  const complete = log.end().then(() => log.handle);
  const created = Promise.withResolvers<boolean>();
  const options = { contentType: LOG_TYPE, signal };
  const uploading = artifacts
    .upload(backing, complete, {
      ...options,
      contentEncoding: 'gzip',
      compressed: () => log.zipped(),
      onCreated: () => {
        created.resolve(true);
      },
    })
    .finally(() => {
      created.resolve(false);
    });
  const link = async () => {
    // A link is useful only if the queue knows the log.
    if ((await created.promise) && live !== undefined)
      await artifacts.link(live, { ...options, artifact: backing });
  };
  const steps = [uploading, link()];
  await Promise.allSettled(steps);
  await Promise.all(steps);
}

/** Refuses names under which a log cannot be uploaded. Refused tasks have a log as well: see run/log-names.ts. */
export const logNameCheck = feature({
  name: 'logs',
  schema: {
    'generic-worker': () => ownSchemaPart('generic-worker', 'logs'),
    'docker-worker': () => ownSchemaPart('docker-worker', 'log'),
  },
  open: () =>
    serving<never>({
      ask: ({ payload, switches }) => {
        const { log, logs: named } = payload as {
          readonly log?: string;
          readonly logs?: Partial<typeof DEFAULT_LOGS>;
        };
        // docker-worker's payloads name only the link.
        const asked = log === undefined ? { ...DEFAULT_LOGS, ...named } : { live: log };
        const { backing, live } = { backing: backingName(asked.live), ...asked };
        const problems = Object.entries(asked).flatMap(([property, name]) => {
          const problem = nameProblem(name);
          const place = log === undefined ? `logs.${property}` : 'log';
          return problem ? [`${place} ${JSON.stringify(name)}: ${problem}`] : [];
        });
        if (switches.has('backingLog') && switches.has('liveLog') && backing === live) {
          problems.push(
            `logs.backing and logs.live are both ${JSON.stringify(backing)}: the log and the link to it need two names`,
          );
        }
        if (problems.length > 0) throw new TaskError('malformed-payload', problems.join('\n'));
        return undefined;
      },
      start: () => ({}),
    }),
});
