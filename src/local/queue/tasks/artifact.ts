import { isDeepStrictEqual } from 'node:util';

import type { Run } from './task.ts';
import { isoTime } from '../../times.ts';

/** Where the content of an artifact is, or why there is none. */
export type ArtifactContent =
  | { readonly storageType: 's3'; readonly key: string }
  | {
      readonly storageType: 'object';
      /** Its name in the object service. */
      readonly name: string;
      readonly uploadId: string;
      /** Whether the worker has finished the upload. Before that, the artifact is not visible. */
      readonly finished: boolean;
    }
  | { readonly storageType: 'reference'; readonly url: string }
  | { readonly storageType: 'link'; readonly artifact: string }
  | { readonly storageType: 'error'; readonly reason: string; readonly message: string };

export interface Artifact {
  readonly name: string;
  readonly contentType: string;
  readonly contentLength?: number;
  /** Milliseconds since the epoch. */
  readonly expires: number;
  readonly content: ArtifactContent;
}

/** Whether others can see the artifact. */
export function isPresent({ content }: Artifact): boolean {
  return content.storageType !== 'object' || content.finished;
}

/** The content type of an artifact without one. */
export const UNKNOWN_CONTENT_TYPE = 'application/binary';

/** How long a worker may upload artifacts after an exception. */
const AFTER_EXCEPTION = 25 * 60_000;

/** Whether artifacts of a run may be created now. A completed or failed run accepts none. */
export function acceptsArtifacts(run: Run, now: number): boolean {
  if (run.state === 'running') return true;
  return run.state === 'exception' && (run.resolved ?? 0) > now - AFTER_EXCEPTION;
}

/**
 * Returns the artifact after a repeated request for it: the same request, a later expiry, another reference, or
 * a link that replaces a reference. Its content type stays. Undefined for any other request.
 */
export function updatedArtifact(original: Artifact, wanted: Artifact): Artifact | undefined {
  const link = wanted.content.storageType === 'link';
  if (!link && wanted.contentType !== original.contentType) return undefined;
  if (wanted.expires < original.expires) return undefined;
  const fromReference = original.content.storageType === 'reference';
  const replaces = fromReference && (link || wanted.content.storageType === 'reference');
  if (!replaces && !isDeepStrictEqual(wanted.content, original.content)) return undefined;
  return { ...original, expires: wanted.expires, content: wanted.content };
}

/** Formats an artifact for lists. */
export function describeArtifact({ name, contentType, contentLength, expires, content }: Artifact) {
  return {
    storageType: content.storageType,
    name,
    expires: isoTime(expires),
    contentType,
    ...(contentLength !== undefined && { contentLength }),
  };
}
