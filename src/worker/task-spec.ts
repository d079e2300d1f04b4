/** The payload formats that tcw reads. */
export type FormatName = 'generic-worker' | 'docker-worker' | 'script';

/**
 * What a task asks for, in one shape, whoever wrote its payload. A format makes it from a payload that its schema has
 * accepted (`payloads/`); features and engines read it, and know no format.
 */
export interface TaskSpec {
  readonly format: FormatName;
  /** The payload as the format's schema accepted it, with defaults. For features that own a property of it. */
  readonly payload: Readonly<Record<string, unknown>>;
  /** Run one after the other; the first that fails is the last. */
  readonly commands: readonly CommandSpec[];
  readonly env: Readonly<Record<string, string>>;
  /** OpenPGP messages in base64, each of which holds one variable. */
  readonly encryptedEnv: readonly string[];
  readonly mounts: readonly MountSpec[];
  readonly artifacts: readonly ArtifactSpec[];
  readonly logs: LogNames;
  /** For all commands together. */
  readonly maxRunTimeSecs: number;
  readonly exitCodes: ExitCodes;
  /** The names of what the payload switches on, such as `taskclusterProxy`. */
  readonly switches: ReadonlySet<string>;
  readonly osGroups: readonly string[];
  /** What the container is made of in which the command runs; undefined where tasks need none. */
  readonly container?: ContainerSpec;
}

export interface ContainerSpec {
  readonly image: ImageSpec;
  /** What the container may do beside what every container may, by the payload's names: `privileged`, `disableSeccomp`. */
  readonly capabilities: ReadonlySet<string>;
  /** Devices of the machine by the payload's names: `kvm`, `loopbackVideo`. */
  readonly devices: readonly string[];
}

/** Where the image of a container comes from. */
export type ImageSpec =
  /** A registry's name with a tag or a digest: `ubuntu:24.04`. */
  | { readonly kind: 'named'; readonly name: string }
  | { readonly kind: 'artifact'; readonly taskId: string; readonly artifact: string }
  | { readonly kind: 'indexed'; readonly namespace: string; readonly artifact: string };

export interface CommandSpec {
  /** A program and its arguments. A program without a slash is looked up in PATH. With none, an image's own command is meant. */
  readonly argv: readonly string[];
  /** What the command can read; nothing unless given. */
  readonly stdin?: string;
}

/** What exit codes of a command mean, beside 0 for success and any other for failure. */
export interface ExitCodes {
  /** The task is run again: `intermittent-task`. */
  readonly retry: readonly number[];
  /** The caches of the run are thrown away. */
  readonly purgeCaches: readonly number[];
  /** The payload is wrong: `malformed-payload`. */
  readonly malformed?: readonly number[];
  /** The worker could not do it: `internal-error`. */
  readonly internal?: readonly number[];
  /** The worker cannot do it any more: `internal-error`, and the worker ends. */
  readonly fatal?: readonly number[];
}

/** The names of a run's log: its own, and that of the link to it. Undefined for what is not uploaded. */
export interface LogNames {
  readonly backing: string | undefined;
  readonly live: string | undefined;
}

/** A file, a directory, or a cache that is there before the commands run. */
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
      /** What a new cache begins with. */
      readonly content?: ContentSpec;
      readonly format?: string;
    };

/** Where the content of a mount comes from. */
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

/** A file, or all files of a directory, to be uploaded when the commands have ended. */
export interface ArtifactSpec {
  /** A `volume` is a directory of the machine that a container sees at its path. */
  readonly type: 'file' | 'directory' | 'volume';
  /** Relative to the run's folder, or absolute, as the task sees it. */
  readonly path: string;
  /** The artifact's name; the path by default. */
  readonly name?: string;
  readonly expires?: string;
  readonly contentType?: string;
  readonly contentEncoding?: 'identity' | 'gzip';
  /** Whether the task may do without it. */
  readonly optional: boolean;
}
