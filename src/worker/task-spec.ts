/** The payload formats that tcw reads. */
export type FormatName = 'generic-worker' | 'docker-worker' | 'script';

/**
 * The demands of a task in one shape, independent of its payload format. A format creates it from a payload
 * that its schema has accepted (`payloads/`). Features and engines read it and know no format.
 */
export interface TaskSpec {
  readonly format: FormatName;
  /** The validated payload, with defaults. For features that own a property of it. */
  readonly payload: Readonly<Record<string, unknown>>;
  /** Run in order, until one fails. */
  readonly commands: readonly CommandSpec[];
  readonly env: Readonly<Record<string, string>>;
  /** OpenPGP messages in base64, with one variable each. */
  readonly encryptedEnv: readonly string[];
  readonly mounts: readonly MountSpec[];
  readonly artifacts: readonly ArtifactSpec[];
  readonly logs: LogNames;
  /** A limit for all commands together. */
  readonly maxRunTimeSecs: number;
  readonly exitCodes: ExitCodes;
  /** The names of the features that the payload turns on, such as `taskclusterProxy`. */
  readonly switches: ReadonlySet<string>;
  readonly osGroups: readonly string[];
  /** The container in which the command runs. Undefined for tasks that need none. */
  readonly container?: ContainerSpec;
}

export interface ContainerSpec {
  readonly image: ImageSpec;
  /** What the container may do beyond the defaults, by the payload's names: `privileged`, `disableSeccomp`. */
  readonly capabilities: ReadonlySet<string>;
  /** Devices of the machine, by the payload's names: `kvm`, `loopbackVideo`. */
  readonly devices: readonly string[];
}

/** The source of a container's image. */
export type ImageSpec =
  /** A name in a registry, with a tag or a digest: `ubuntu:24.04`. */
  | { readonly kind: 'named'; readonly name: string }
  | { readonly kind: 'artifact'; readonly taskId: string; readonly artifact: string }
  | { readonly kind: 'indexed'; readonly namespace: string; readonly artifact: string };

export interface CommandSpec {
  /**
   * A program and its arguments. A program without a slash is looked up in PATH. An empty list means the
   * image's own command.
   */
  readonly argv: readonly string[];
  /** The command's standard input. Empty by default. */
  readonly stdin?: string;
}

/** Special meanings of exit codes. Otherwise 0 is success, and any other code is failure. */
export interface ExitCodes {
  /** The queue runs the task again: `intermittent-task`. */
  readonly retry: readonly number[];
  /** The run's caches are removed. */
  readonly purgeCaches: readonly number[];
  /** The payload is malformed: `malformed-payload`. */
  readonly malformed?: readonly number[];
  /** The worker had a problem: `internal-error`. */
  readonly internal?: readonly number[];
  /** The worker cannot run any more tasks: `internal-error`, and the worker exits. */
  readonly fatal?: readonly number[];
}

/** The artifact names of a run's log and of the link to it. Undefined for a part that is not uploaded. */
export interface LogNames {
  readonly backing: string | undefined;
  readonly live: string | undefined;
}

/** A file, a directory or a cache that is mounted before the commands run. */
export type MountSpec =
  | { readonly kind: 'file'; readonly path: string; readonly content: ContentSpec; readonly format?: string }
  | {
      readonly kind: 'directory';
      readonly path: string;
      readonly content: ContentSpec;
      readonly format: string;
    }
  | {
      readonly kind: 'cache';
      readonly path: string;
      readonly cacheName: string;
      /** The initial content of a new cache. */
      readonly content?: ContentSpec;
      readonly format?: string;
    };

/** The source of a mount's content. */
export type ContentSpec =
  | {
      readonly kind: 'artifact';
      readonly taskId: string;
      readonly artifact: string;
      readonly sha256?: string;
    }
  | { readonly kind: 'indexed'; readonly namespace: string; readonly artifact: string }
  | { readonly kind: 'url'; readonly url: string; readonly sha256?: string }
  | { readonly kind: 'raw'; readonly text: string }
  | { readonly kind: 'base64'; readonly base64: string };

/** A file, or all files of a directory, to upload when the commands have ended. */
export interface ArtifactSpec {
  /** A `volume` is a directory of the machine that is mounted into the container at its path. */
  readonly type: 'file' | 'directory' | 'volume';
  /** Relative to the run's folder, or absolute, as seen by the task. */
  readonly path: string;
  /** The artifact's name. By default, the path. */
  readonly name?: string;
  readonly expires?: string;
  readonly contentType?: string;
  readonly contentEncoding?: 'identity' | 'gzip';
  /** If true, the task succeeds without this artifact. */
  readonly optional: boolean;
}
