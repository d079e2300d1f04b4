import type { Secret } from '../../../base/index.ts';
import { TaskError } from '../../outcome.ts';
import type { Store } from '../collector.ts';
import { ownFolder } from '../own-folder.ts';
import { diskRoom, type DiskRoomOptions } from './disk-room.ts';
import type { Download, DownloadLog, DownloadRequest } from './download.ts';
import { downloadTable, type DownloadTable, type Entry } from './download-table.ts';
import type { FetchLimits, Located } from './fetch-content.ts';
import { reasonNotFetched } from './not-fetched.ts';
import { stateFile } from './state-file.ts';
import { transfersInto, type Transfers } from './transfers.ts';

/** A worker's downloads for its runs. */
export interface Downloads extends Store, AsyncDisposable {
  /**
   * Downloads content, or returns what is already there. Runs that want the same content at the same time share
   * one transfer. It continues as long as one of them wants it.
   *
   * @throws TaskError `task-failed` when there is no such content, or `resource-unavailable` when the disk is
   *   too full, or the reason of the signal
   */
  get(request: DownloadRequest, run: DownloadingRun): Promise<Download>;
}

/** The run for which something is downloaded. */
export interface DownloadingRun {
  readonly signal: AbortSignal;
  readonly log: DownloadLog;
}

export interface DownloadsOptions extends Partial<DiskRoomOptions> {
  /**
   * A secret that the worker knows and tasks do not: its access token. Lists that were written with another one
   * are not trusted.
   */
  readonly secret: Secret;
  /**
   * Called when the list of downloads cannot be written, so that they are lost at the worker's end, or when
   * something cannot be removed.
   */
  readonly onProblem?: (message: string) => void;
  readonly limits?: FetchLimits;
}

const RESERVE_BYTES = 256 * 1024 * 1024;
/** How often content is downloaded that is removed or changed before it can be used. */
const ROUNDS = 3;

/**
 * Opens the store of downloads in a folder, with those of an earlier worker. Neither its lists nor its files
 * are trusted, because a task may have written them.
 *
 * @throws Error of the system when the folder cannot be created or read
 */
export async function openDownloads(dir: string, options: DownloadsOptions): Promise<Downloads> {
  const { secret, onProblem } = options;
  using opening = new DisposableStack();
  const own = opening.use(
    await ownFolder(dir, (path, error) => {
      onProblem?.(`${path} cannot be removed: ${(error as Error).message}`);
    }),
  );
  const folder = own.path;
  const file = stateFile(folder, secret, onProblem);
  const table = downloadTable(folder, file, onProblem);
  const now = Date.now();
  for (const { lastUsedMs, ...found } of await file.read()) {
    await table.add({ ...found, lastUsedMs: Math.min(lastUsedMs, now) });
  }
  const { limits, reserveBytes = RESERVE_BYTES, makeRoom, freeBytes } = options;
  const room = diskRoom(folder, { reserveBytes, makeRoom, freeBytes });
  const transfers = transfersInto(table, file.newName, room, limits);

  const held = opening.move();
  let isClosed = false;

  return {
    folder,
    get: async (request, run) => {
      run.signal.throwIfAborted();
      const place = table.get(request.key) ?? { name: file.newName() };
      const located = request.isAsked ? await locatedFor(request, table.pathOf(place), run) : undefined;
      for (let round = 1; round <= ROUNDS; round++) {
        const found = await existing(table, request, run);
        if (found) return found;
        const entry = await transferred(transfers, request, located, run);
        const download = await accepted(table, entry, request, run);
        if (download) return download;
      }
      const message = `the download of ${request.description} was removed or changed repeatedly`;
      throw new TaskError('internal-error', message);
    },
    unused: () => table.unused(),
    [Symbol.asyncDispose]: async () => {
      if (isClosed) return;
      isClosed = true;
      await transfers.ended();
      table.save();
      held.dispose();
    },
  };
}

/** Returns what is already on disk, if it is what the run wants. */
async function existing(
  table: DownloadTable,
  { key, description, sha256 }: DownloadRequest,
  { signal, log }: DownloadingRun,
): Promise<Download | undefined> {
  const entry = table.get(key);
  if (!entry) return undefined;
  const file = table.pathOf(entry);
  if (sha256 !== undefined && sha256 !== entry.sha256) {
    log.info(
      `Found existing download of ${key} (${file}) with SHA256 ${entry.sha256} ` +
        `but task definition explicitly requires ${sha256} so deleting it`,
    );
    await evict(table, entry, log);
    return undefined;
  }
  // A list that is not authentic may say anything about a key. A required SHA-256 is proof for this one run.
  const isCredible = entry.isAuthentic || sha256 !== undefined;
  const found = isCredible ? await table.use(entry, signal) : undefined;
  if (!found) {
    if (isCredible) log.warn(`Download ${file} of ${description} is missing or was changed, and is removed`);
    await table.remove(entry);
  } else if (sha256 === undefined) {
    log.warn(
      `No SHA256 specified in task mounts for ${key} - SHA256 from downloaded file ${file} is ${found.sha256}.`,
    );
  } else {
    log.info(`Found existing download for ${key} (${file}) with correct SHA256 ${sha256}`);
  }
  return found;
}

/** Downloads, alone or together with other runs. */
async function transferred(
  transfers: Transfers,
  { key, description, locate }: DownloadRequest,
  located: Located | undefined,
  { signal, log }: DownloadingRun,
): Promise<Entry> {
  let first = located;
  const wanting = {
    signal,
    locate: async (until: AbortSignal) => {
      const known = first ?? (await locate(until));
      first = undefined;
      return known;
    },
    onRetry: (reason: string) => {
      log.warn(`Download of ${description} failed on this attempt: ${reason}`);
    },
  };
  signal.throwIfAborted();
  const { file, shared } = transfers.for(key);
  log.info(`Downloading ${description} to ${file}`);
  try {
    const entry = await shared.join(wanting);
    log.info(`Downloaded ${entry.bytes} bytes with SHA256 ${entry.sha256} from ${description} to ${file}`);
    return entry;
  } catch (error) {
    throw notFetched(error, description, file, { signal, log });
  }
}

/**
 * Returns new content, if it is what the run wants.
 *
 * @returns undefined if it is already gone or changed
 * @throws TaskError `task-failed` when its SHA-256 is not the required one
 */
async function accepted(
  table: DownloadTable,
  entry: Entry,
  { description, sha256 }: DownloadRequest,
  { signal, log }: DownloadingRun,
): Promise<Download | undefined> {
  const file = table.pathOf(entry);
  if (sha256 !== undefined && sha256 !== entry.sha256) {
    await evict(table, entry, log);
    throw new TaskError(
      'task-failed',
      `Download ${file} of ${description} has SHA256 ${entry.sha256} but task definition explicitly requires ${sha256}; ` +
        'not retrying download as there were no connection failures and HTTP response status code was 200',
    );
  }
  const download = await table.use(entry, signal);
  if (!download) await table.remove(entry);
  else if (sha256 === undefined) {
    log.warn(
      `Download ${file} of ${description} has SHA256 ${entry.sha256} but task payload does not declare a required value, ` +
        'so content authenticity cannot be verified',
    );
  } else log.info(`Content from ${description} (${file}) matches required SHA256 ${sha256}`);
  return download;
}

async function evict(table: DownloadTable, entry: Entry, log: DownloadLog): Promise<void> {
  log.info(`Removing cache ${entry.key} from cache table`);
  log.info(`Deleting cache ${entry.key} file(s) at ${table.pathOf(entry)}`);
  await table.remove(entry);
}

/** Requests the location of content, which shows whether this task may have it. */
async function locatedFor(
  { description, locate }: DownloadRequest,
  file: string,
  { signal, log }: DownloadingRun,
): Promise<Located> {
  try {
    return await locate(signal);
  } catch (error) {
    throw notFetched(error, description, file, { signal, log });
  }
}

/** @throws the reason of the signal, or errors that are not the task's fault */
function notFetched(
  error: unknown,
  description: string,
  file: string,
  { signal, log }: DownloadingRun,
): TaskError {
  signal.throwIfAborted();
  const reason = reasonNotFetched(error);
  if (reason === undefined) throw error;
  const message = `Could not fetch from ${description} into file ${file} due to ${reason}`;
  log.error(message);
  return new TaskError('task-failed', message, { cause: error });
}
