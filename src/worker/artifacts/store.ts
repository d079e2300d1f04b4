import type { Upload } from '../files/put.ts';

/** What is known of an artifact before its content is there. */
export interface NewArtifact {
  readonly name: string;
  /** Such as `text/plain; charset=utf-8`. */
  readonly contentType: string;
  /** ISO 8601. */
  readonly expires: string;
  /** In bytes, before any encoding; undefined while the content is not complete. */
  readonly contentLength: number | undefined;
}

export interface StoringOptions {
  readonly signal: AbortSignal;
  /** Told the SHA-256 of what was uploaded, in hexadecimal. */
  readonly onDigest?: ((sha256: string) => void) | undefined;
  /** Told how many bytes are on their way or there; from the beginning again with each further try. */
  readonly onSent?: ((bytes: number) => void) | undefined;
  /** Told when a try to send it begins, the first one included. */
  readonly onTry?: (() => void) | undefined;
}

/** Where the content of artifacts goes: S3, or the object service. */
export interface ArtifactStore {
  /** Whether content may be kept compressed. */
  readonly takesGzip: boolean;
  /**
   * Tells the queue of an artifact. That takes a while, in which the content can be compressed.
   *
   * @returns what uploads the content, however often that has to be tried
   * @throws ServiceError, or the reason of the signal
   */
  create(artifact: NewArtifact, signal: AbortSignal): Promise<Store>;
}

/** Uploads the content of one artifact. @throws ServiceError, TaskError `resource-unavailable`, or the signal's reason */
export type Store = (content: Upload, options: StoringOptions) => Promise<void>;
