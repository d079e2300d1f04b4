import type { FileHandle } from 'node:fs/promises';
import type { FileSource } from '../files/file-source.ts';

/** Every upload of a run goes through this sink: the payload's artifacts, logs, signatures. */
export interface ArtifactSink {
  /**
   * Creates an artifact and uploads its content. Calls and uploads are retried for as long as the run's claim
   * lasts.
   *
   * @throws ServiceError, TaskError `resource-unavailable`, or the reason of the signal
   */
  upload(name: string, content: Content, options: UploadOptions): Promise<void>;
  /** Creates an artifact that is a link to another artifact of this run. */
  link(name: string, options: LinkOptions): Promise<void>;
  /** Creates an artifact that redirects its readers to a URL. */
  reference(name: string, options: ReferenceOptions): Promise<void>;
  /** Creates an error artifact, which says why the content is missing. */
  error(name: string, options: ErrorOptions): Promise<void>;
  /** Whether an artifact's content can be replaced by another upload. */
  readonly canReplace: boolean;
  /** Reserves a name for a later upload of a feature. The payload's artifacts with that name are skipped. */
  reserve(name: string, feature: string): void;
  /** Returns who reserved a name, or undefined. */
  reservedBy(name: string): string | undefined;
  /** From now on, the SHA-256 of uploaded content is computed, except for reserved names. */
  wantDigests(): void;
  /** The hexadecimal SHA-256 of each completely uploaded content before any encoding, by artifact name. */
  readonly digests: ReadonlyMap<string, string>;
}

/**
 * The content of an upload: an open file, whose position does not matter, bytes, or a stream of a given size. A
 * promise if the content is not complete yet.
 */
export type Content = FileSource | Promise<FileSource>;

interface Common {
  /** For example `text/plain; charset=utf-8`. */
  readonly contentType: string;
  /** ISO 8601. By default, when the task expires. */
  readonly expires?: string | undefined;
  readonly signal: AbortSignal;
}

export interface UploadOptions extends Common {
  /**
   * Number of bytes to upload. By default, the present size of an open file. A stream is always uploaded
   * completely.
   */
  readonly size?: number;
  /** How the content is stored. With `gzip`, the sink compresses it. */
  readonly contentEncoding: 'identity' | 'gzip';
  /** Compute the SHA-256 even for a reserved name. */
  readonly isCertified?: true;
  /** Called when the artifact exists, although its content is not stored yet. */
  readonly onCreated?: () => void;
  /**
   * Returns an existing compressed copy, if there is one. It is uploaded in place of the content, without a
   * digest.
   */
  readonly compressed?: () => Promise<FileHandle | undefined>;
  /** Called when the content is no longer needed, because there is a compressed copy of it. */
  readonly onEncoded?: () => Promise<void>;
  /** Called with the number of bytes that are sent or stored. Each further attempt starts from the beginning. */
  readonly onSent?: (bytes: number) => void;
}

export interface LinkOptions extends Common {
  /** The name of the artifact that the link points to. */
  readonly artifact: string;
}

export interface ReferenceOptions extends Common {
  readonly url: string;
}

export interface ErrorOptions extends Omit<Common, 'contentType'> {
  readonly reason:
    | 'file-missing-on-worker'
    | 'invalid-resource-on-worker'
    | 'file-not-readable-on-worker'
    | 'too-large-file-on-worker';
  readonly message: string;
}
