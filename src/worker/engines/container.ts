import type { Readable } from 'node:stream';

/** What features need in a container. The needs of all features are merged. */
export interface ContainerPart {
  /** The engine's ID of the image. */
  readonly image?: string;
  /**
   * Gets the image again after somebody has removed it, before a container was made of it.
   *
   * @returns the engine's new ID of the image
   */
  readonly imageAgain?: () => Promise<string>;
  /** Directories of this machine that the task sees. */
  readonly binds?: readonly Bind[];
  /** Addresses by host name, for the task's `/etc/hosts`. */
  readonly hosts?: Readonly<Record<string, string>>;
  /** Without a network, the container joins the engine's default network. */
  readonly network?: Network;
  /** All rights of root on the machine (`--privileged`). */
  readonly privileged?: boolean;
  /** Kernel capabilities beyond the default ones, such as `SYS_PTRACE`. */
  readonly kernelCapabilities?: readonly string[];
  /** System calls are not filtered. */
  readonly noSeccomp?: boolean;
  /** Devices of this machine that the task may use. */
  readonly devices?: readonly Device[];
  /** The machine's graphics cards, as `docker run --gpus` takes them: `all`, `2`, `device=0,1`. */
  readonly gpus?: string;
  /** The working directory in the container, absolute. Default: the image's own. */
  readonly folder?: string;
  /** Whether commands have a terminal, as in docker-worker. Default: true. */
  readonly tty?: boolean;
}

export interface Bind {
  /** On this machine, absolute. */
  readonly source: string;
  /** In the container, absolute. */
  readonly target: string;
  readonly readOnly?: boolean;
}

export interface Device {
  /** On this machine, absolute. */
  readonly source: string;
  /** In the container, absolute. Default: the same path as on this machine. */
  readonly target?: string;
}

/** A network that only this machine and the containers of one run share. Dispose of it after the containers. */
export interface Network extends AsyncDisposable {
  /** The engine's ID of the network. */
  readonly id: string;
  /** This machine's address in it. */
  readonly gateway: string;
  /** In CIDR notation, `172.18.0.0/16`. */
  readonly subnet: string;
}

export interface NetworkOptions {
  /** The run's name, for a label. */
  readonly runName: string;
  readonly signal: AbortSignal;
  /** Receives a trace by which `endLeftovers` finds the network, before the network exists. */
  readonly keep?: ((trace: string) => void) | undefined;
}

/** The images of an engine. */
export interface Images {
  /**
   * Gets an image unless the engine has it. Concurrent requests for one image share the work.
   *
   * @throws TaskError: `malformed-payload` where no later try can succeed, else `task-failed` or `resource-unavailable`; or
   *   the reason of the signal
   */
  get(source: ImageSource, wanted: ImageWanted): Promise<HeldImage>;
}

export type ImageSource =
  /** From a registry, by a name with a tag or a digest: `ubuntu:24.04`. */
  | { readonly kind: 'named'; readonly name: string }
  /** From an archive as `docker save` writes it, compressed or not. */
  | {
      readonly kind: 'archive';
      /** The archive's name in messages. */
      readonly name: string;
      /** Archives with the same key have the same content. The hexadecimal SHA-256 of the archive where it is known. */
      readonly key: string;
      /** The archive's bytes from the beginning, as they are stored. */
      readonly open: () => Promise<Readable>;
      /**
       * Called after the archive has been read and before the image is kept.
       *
       * @throws TaskError when the content does not match the key
       */
      readonly verify?: () => Promise<void>;
    };

export interface ImageWanted {
  /** Receives messages for the task's log. */
  readonly log: {
    info(message: string): void;
    warn(message: string): void;
  };
  readonly signal: AbortSignal;
}

/** An image that the engine keeps until this is disposed of. */
export interface HeldImage extends AsyncDisposable {
  /** The ID of which the engine makes containers: `sha256:…`. */
  readonly id: string;
  /** Whether the engine had it already. */
  readonly isCached: boolean;
}
