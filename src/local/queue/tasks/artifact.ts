import { isDeepStrictEqual } from 'node:util';

import type { Run } from './task.ts';
import { isoTime } from '../../times.ts';

/** Where the content of an artifact is, or why there is none. */
export type ArtifactContent =
  | { readonly storageType: 's3'; readonly key: string }
  | {
      readonly storageType: 'object';
      /** What the object service calls it. */
      readonly name: string;
      readonly uploadId: string;
      /** Whether the worker has said that the upload is done: before, nobody gets to see the artifact. */
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

/** Whether others get to see the artifact. */
export function isPresent({ content }: Artifact): boolean {
  return content.storageType !== 'object' || content.finished;
}

/** What an artifact is called that was given no type. */
export const UNKNOWN_CONTENT_TYPE = 'application/binary';

/** A worker has this long to upload what it has of a run that ended as an exception. */
const AFTER_EXCEPTION = 25 * 60_000;

/** Whether artifacts of a run may be made now. A completed or failed run has all it will ever have. */
export function acceptsArtifacts(run: Run, now: number): boolean {
  if (run.state === 'running') return true;
  return run.state === 'exception' && (run.resolved ?? 0) > now - AFTER_EXCEPTION;
}

/**
 * The artifact after a request for one that is there already: the same again, a later expiry, another reference
 * or a link in the place of a reference. Its content type stays. Undefined when the request is none of these.
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

/** The artifact as it is listed. */
export function describeArtifact({ name, contentType, contentLength, expires, content }: Artifact) {
  return {
    storageType: content.storageType,
    name,
    expires: isoTime(expires),
    contentType,
    ...(contentLength !== undefined && { contentLength }),
  };
}
