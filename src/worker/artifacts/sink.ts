import type { FileHandle } from 'node:fs/promises';
import type { FileSource } from '../files/file-source.ts';

/** What a run uploads goes through here, whoever uploads it: the payload's artifacts, logs, signatures. */
export interface ArtifactSink {
  /**
   * Creates an artifact and uploads its content. Calls and uploads are tried again for as long as the run's claim lasts.
   *
   * @throws ServiceError, TaskError `resource-unavailable`, or the reason of the signal
   */
  upload(name: string, content: Content, options: UploadOptions): Promise<void>;
  /** Creates an artifact that is a link to another artifact of this run. */
  link(name: string, options: LinkOptions): Promise<void>;
  /** Creates an artifact that sends its readers to a URL. */
  reference(name: string, options: ReferenceOptions): Promise<void>;
  /** Creates an artifact that says why there is none. */
  error(name: string, options: ErrorOptions): Promise<void>;
  /** Whether an artifact's content can be uploaded again, in place of what is there. */
  readonly canReplace: boolean;
  /** Keeps a name for what a feature uploads later: the payload's artifacts of that name are passed over. */
  reserve(name: string, feature: string): void;
  /** Who reserved a name; undefined for nobody. */
  reservedBy(name: string): string | undefined;
  /** From now on the SHA-256 of what is uploaded is computed on the way, but for names that are reserved. */
  wantDigests(): void;
  /** What was uploaded, all of it, with a digest so far: hexadecimal SHA-256 of the content before any encoding, by name. */
  readonly digests: ReadonlyMap<string, string>;
}

/**
 * What is uploaded: an open file, whose position does not matter, bytes, or a stream, whose size has to be given; a promise
 * where that is not complete yet.
 */
export type Content = FileSource | Promise<FileSource>;

interface Common {
  /** Such as `text/plain; charset=utf-8`. */
  readonly contentType: string;
  /** ISO 8601; when the task expires, by default. */
  readonly expires?: string | undefined;
  readonly signal: AbortSignal;
}

export interface UploadOptions extends Common {
  /** How many bytes of an open file are uploaded: as many as it has by now, unless given. Of a stream, all that it has. */
  readonly size?: number;
  /** How it is stored. With `gzip` the content is compressed here. */
  readonly contentEncoding: 'identity' | 'gzip';
  /** Whether its SHA-256 is computed also for a reserved name. */
  readonly isCertified?: true;
  /** Told when the artifact is there, though its content is not yet. */
  readonly onCreated?: () => void;
  /** A compressed copy that was made already, if there is one: it is uploaded in place of the content, without a digest. */
  readonly compressed?: () => Promise<FileHandle | undefined>;
  /** Told when the content is no longer needed, since there is a compressed copy of it. */
  readonly onEncoded?: () => Promise<void>;
  /** Told how many bytes of what is stored are on their way or there; from the beginning again with each further try. */
  readonly onSent?: (bytes: number) => void;
}

export interface LinkOptions extends Common {
  /** The name of the other artifact. */
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
