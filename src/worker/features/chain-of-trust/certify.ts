import { closeSource } from '../../files/file-source.ts';
import { namelessFile } from '../../files/new-file.ts';
import type { TaskFiles } from '../../files/task-files.ts';
import type { GeneralConfig } from '../../properties/index.ts';
import { copyLog } from '../../task-log/copy-log.ts';
import type { RunHandle } from '../feature.ts';
import {
  ADDITIONAL_DATA_FILE,
  readAdditionalData,
  unusable,
  type AdditionalData,
} from './additional-data.ts';
import { chainOfTrustDocument } from './document.ts';
import { CERTIFIED_LOG, signedFiles, type SigningKeys } from './signed-files.ts';

/** Why the task's additional data cannot be used, by the kind of file in its place. */
const WHY_NOT = {
  directory: 'is a directory',
  neither: 'is not a file',
  outside: 'leads out of the folder of the task',
  unreadable: 'cannot be read',
} as const;

interface Certifying {
  readonly run: RunHandle;
  readonly files: TaskFiles;
  readonly keys: SigningKeys;
  readonly config: GeneralConfig;
  readonly signal: AbortSignal;
}

/**
 * Uploads the chain of trust of a run whose artifacts have been uploaded.
 *
 * @throws TaskError `task-failed` when the task's additional data cannot be used; errors of uploads
 */
export async function certify({ run, files, keys, config, signal }: Certifying): Promise<void> {
  const additional = await additionalData(files, signal);
  // Nobody would otherwise know a key that was created for a session, such as that of `tcw dev`.
  if (keys.ed25519)
    run.log.info(`Signing the chain of trust. The ed25519 public key is ${keys.ed25519.publicKey}`);
  await uploadLog(run, signal);
  const document = chainOfTrustDocument(
    {
      // The payload's artifacts, and the copy of the log. Other uploads of the worker do not belong to the
      // task.
      artifacts: run.artifacts.digests,
      task: run.claim.task,
      taskId: run.claim.taskId,
      runId: run.claim.runId,
      workerGroup: config.workerGroup,
      workerId: config.workerId,
      machine: config,
      environment: run.certified,
    },
    additional,
  );
  const uploads = (await signedFiles(document, keys)).map(({ name, contentType, content }) =>
    run.artifacts.upload(name, content, { contentType, contentEncoding: 'gzip', signal }),
  );
  await Promise.allSettled(uploads);
  await Promise.all(uploads);
}

async function additionalData(files: TaskFiles, signal: AbortSignal): Promise<AdditionalData | undefined> {
  const opened = await files.open(ADDITIONAL_DATA_FILE);
  switch (opened.kind) {
    case 'missing':
      return undefined;
    case 'file':
      try {
        return await readAdditionalData(opened, signal);
      } finally {
        await closeSource(opened.source);
      }
    default:
      throw unusable(WHY_NOT[opened.kind]);
  }
}

/** The log continues, so a copy is certified. */
async function uploadLog(run: RunHandle, signal: AbortSignal): Promise<void> {
  const copy = await namelessFile(run.beside('certified-log'));
  try {
    await copyLog(run.log, copy, signal);
    await run.artifacts.upload(CERTIFIED_LOG, copy, {
      contentType: 'text/plain; charset=utf-8',
      contentEncoding: 'gzip',
      isCertified: true,
      signal,
    });
  } finally {
    await copy.close();
  }
}
