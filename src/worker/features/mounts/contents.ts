import type { FileHandle } from 'node:fs/promises';
import { namelessFile } from '../../files/new-file.ts';
import type { ServiceCall } from '../../../taskcluster/index.ts';
import {
  artifactRequest,
  indexedRequest,
  urlRequest,
  type DownloadLog,
  type DownloadRequest,
  type Downloads,
} from '../../stores/index.ts';
import type { ContentSpec } from '../../task-spec.ts';
import { decodedBase64 } from './base64.ts';

/** Content that is available locally. Disposed of when it has been mounted. */
export interface Content extends AsyncDisposable {
  /** Its name in the log: a path, or the text in the payload. */
  readonly name: string;
  /** Open for reading. */
  readonly handle: FileHandle;
  readonly bytes: number;
  /** @throws TaskError when the content was changed while it was read */
  verify(): Promise<void>;
}

/** What is needed to get content for one run. */
export interface ContentRun {
  readonly rootUrl: string;
  /** Opens the worker's downloads. */
  readonly downloads: () => Promise<Downloads>;
  readonly log: DownloadLog;
  readonly signal: AbortSignal;
  readonly service: (signal?: AbortSignal) => ServiceCall;
  /** Returns the path of a file beside the run's folder. */
  readonly beside: (name: string) => string;
}

/** The log shows at most this many characters of content from the payload. */
const SHOWN = 80;

/**
 * Gets the content of a mount, from the worker's downloads or from the payload itself.
 *
 * @throws TaskError, ServiceError, or the reason of the signal
 */
export async function contentFor(spec: ContentSpec, run: ContentRun): Promise<Content> {
  switch (spec.kind) {
    case 'raw':
      return fromPayload(`Raw (${shown(spec.text)})`, Buffer.from(spec.text), run);
    case 'base64':
      // Checked before the task was accepted.
      return fromPayload(
        `Base64 (${shown(spec.base64)})`,
        decodedBase64(spec.base64) ?? Buffer.alloc(0),
        run,
      );
    case 'artifact':
      return downloaded(artifactRequest(spec, run), run);
    case 'indexed':
      return downloaded(await indexedRequest(spec, run, run.signal), run);
    case 'url':
      return downloaded(urlRequest(spec), run);
  }
}

async function downloaded(request: DownloadRequest, run: ContentRun): Promise<Content> {
  const downloads = await run.downloads();
  const download = await downloads.get(request, run);
  return {
    name: download.file,
    handle: download.handle,
    bytes: download.bytes,
    verify: () => download.verify(),
    [Symbol.asyncDispose]: () => download[Symbol.asyncDispose](),
  };
}

async function fromPayload(name: string, bytes: Buffer, { beside }: ContentRun): Promise<Content> {
  const handle = await namelessFile(beside('content'));
  try {
    await handle.writeFile(bytes);
  } catch (error) {
    await handle.close();
    throw error;
  }
  return {
    name,
    handle,
    bytes: bytes.length,
    verify: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

function shown(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > SHOWN ? `${line.slice(0, SHOWN)}…` : line;
}
