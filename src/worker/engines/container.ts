import type { Readable } from 'node:stream';

/** What features want a container to be made of. What several of them want comes together. */
export interface ContainerPart {
  /** The image, by the id that the engine knows it by. */
  readonly image?: string;
  /**
   * Gets the image again, which somebody has removed before a container was made of it.
   *
   * @returns the id by which the engine knows it now
   */
  readonly imageAgain?: () => Promise<string>;
  /** Directories of this machine that the task sees. */
  readonly binds?: readonly Bind[];
  /** Addresses by the names under which the task finds them. */
  readonly hosts?: Readonly<Record<string, string>>;
  /** Without one, the container is on the engine's usual network. */
  readonly network?: Network;
  /** All rights of the machine's own root. */
  readonly privileged?: boolean;
  /** Capabilities of the kernel beside the usual ones, such as `SYS_PTRACE`. */
  readonly kernelCapabilities?: readonly string[];
  /** System calls are not filtered. */
  readonly noSeccomp?: boolean;
  /** Devices of this machine that the task may use. */
  readonly devices?: readonly Device[];
  /** The machine's graphics cards, as `docker run --gpus` takes them: `all`, `2`, `device=0,1`. */
  readonly gpus?: string;
  /** In the container, absolute: where commands start. The image's own folder for that unless given. */
  readonly folder?: string;
  /** Whether commands write to a terminal, as they did with docker-worker. They do unless it is false. */
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
  /** In the container, absolute; the same as on this machine unless given. */
  readonly target?: string;
}

/** A network that the containers of one run share with this machine, and with nobody else. Disposed of after them. */
export interface Network extends AsyncDisposable {
  /** By which the engine knows it. */
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
  /** Given a word by which `endLeftovers` finds it, before there is a network. */
  readonly keep?: ((trace: string) => void) | undefined;
}

/** The images of an engine. */
export interface Images {
  /**
   * Gets an image, unless the engine has it: once for all that want the same at the same time.
   *
   * @throws TaskError `malformed-payload` for an image that cannot be had whenever it is tried, `task-failed` or
   *   `resource-unavailable`, or the reason of the signal
   */
  get(source: ImageSource, wanted: ImageWanted): Promise<HeldImage>;
}

export type ImageSource =
  /** From a registry, by a name with a tag or a digest: `ubuntu:24.04`. */
  | { readonly kind: 'named'; readonly name: string }
  /** From an archive, as `docker save` writes it, however it is compressed. */
  | {
      readonly kind: 'archive';
      /** What this archive is called in messages. */
      readonly name: string;
      /** Two archives with the same key have the same content. Hexadecimal SHA-256 of the archive where it is known. */
      readonly key: string;
      /** The archive's bytes from the beginning, as they are stored. */
      readonly open: () => Promise<Readable>;
      /**
       * Called after the archive was read and before the image is kept.
       *
       * @throws TaskError when what was read is not what the key says
       */
      readonly verify?: () => Promise<void>;
    };

export interface ImageWanted {
  /** What is told of it, for the task's log. */
  readonly log: {
    info(message: string): void;
    warn(message: string): void;
  };
  readonly signal: AbortSignal;
}

/** An image that the engine keeps until this is disposed of. */
export interface HeldImage extends AsyncDisposable {
  /** By which the engine makes containers of it: `sha256:…`. */
  readonly id: string;
  /** Whether the engine had it already. */
  readonly isCached: boolean;
}
