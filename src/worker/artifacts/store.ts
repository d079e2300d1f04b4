import type { Upload } from '../files/put.ts';

/** Properties of an artifact before its content is stored. */
export interface NewArtifact {
  readonly name: string;
  /** For example `text/plain; charset=utf-8`. */
  readonly contentType: string;
  /** ISO 8601. */
  readonly expires: string;
  /** In bytes, before any encoding. Undefined while the content is incomplete. */
  readonly contentLength: number | undefined;
}

export interface StoringOptions {
  readonly signal: AbortSignal;
  /** Called with the SHA-256 of the uploaded content, in hexadecimal. */
  readonly onDigest?: ((sha256: string) => void) | undefined;
  /** Called with the number of bytes that are sent or stored. Each further attempt starts from the beginning. */
  readonly onSent?: ((bytes: number) => void) | undefined;
  /** Called at the start of each attempt, including the first one. */
  readonly onTry?: (() => void) | undefined;
}

/** A store for the content of artifacts: S3, or the object service. */
export interface ArtifactStore {
  /** Whether content may be stored compressed. */
  readonly takesGzip: boolean;
  /**
   * Creates an artifact at the queue. The content can be compressed in the meantime.
   *
   * @returns a function that uploads the content, with as many attempts as necessary
   * @throws ServiceError, or the reason of the signal
   */
  create(artifact: NewArtifact, signal: AbortSignal): Promise<Store>;
}

/**
 * Uploads the content of one artifact.
 *
 * @throws ServiceError, TaskError `resource-unavailable`, or the signal's reason
 */
export type Store = (content: Upload, options: StoringOptions) => Promise<void>;
