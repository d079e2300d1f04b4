/** What a task asks for: generic-worker's payload, as far as this worker's engine and features know it. */
export interface Payload {
  /** One after the other, each a program and its arguments; the first that fails is the last. */
  readonly command: readonly (readonly string[])[];
  readonly env?: Readonly<Record<string, string>>;
  /** Seconds for all commands together. */
  readonly maxRunTime: number;
  readonly artifacts?: readonly ArtifactRequest[];
  readonly logs?: { readonly backing: string; readonly live: string };
  readonly onExitStatus?: { readonly retry?: readonly number[]; readonly purgeCaches?: readonly number[] };
  readonly features?: Readonly<Record<string, boolean>>;
  readonly mounts?: readonly unknown[];
}

/** A file, or all files of a directory, to be uploaded when the commands have ended. */
export interface ArtifactRequest {
  readonly type: 'file' | 'directory';
  /** Relative to the run's folder. */
  readonly path: string;
  /** The artifact's name; the path by default. */
  readonly name?: string;
  readonly expires?: string;
  readonly contentType?: string;
  readonly contentEncoding?: 'identity' | 'gzip';
  /** Whether the task may do without it. */
  readonly optional: boolean;
}
