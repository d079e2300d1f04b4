import { ephemeralQueue, namedQueue, type Dialect, type QueueSpec } from '../../../pulse/index.ts';
import type { ConnectionOptions } from '../connection.ts';
import { checked, usageError } from '../failure.ts';

/** The options of `tcw pulse listen`, from its command line. */
export interface ListenOptions extends ConnectionOptions {
  readonly bind?: readonly string[];
  readonly dialect: Dialect | 'auto';
  readonly filter?: string;
  readonly pretty?: true;
  readonly quiet?: true;
  readonly count?: number;
  /** In s. */
  readonly timeout?: number;
  readonly queue?: string;
  readonly maxLength?: number;
  /** In s. */
  readonly expires?: number;
  readonly quorum?: true;
  readonly deadLetters?: true;
  readonly exec?: string;
  readonly concurrency?: number;
  readonly attempts?: number;
}

/** The default queue limit, below the length at which PulseGuardian warns. */
const MAX_LENGTH = 1_000;

/**
 * Returns the queue to listen on. A queue with a name is durable; without a name, the queue exists only as long as the
 * connection.
 *
 * @throws Failure 64 for queue limits without a name, or for limits that no queue can have
 */
export function queueOf(options: ListenOptions): QueueSpec {
  const { queue: name, maxLength, expires, quorum, deadLetters } = options;
  if (name === undefined) {
    const given = Object.entries({ maxLength, expires, quorum, deadLetters }).find(
      ([, value]) => value !== undefined,
    );
    if (given) throw usageError(`--${kebab(given[0])} is for a durable queue: name it with --queue`);
    return ephemeralQueue('tcw-listen');
  }
  return checked(() =>
    namedQueue(name, {
      maxLength: maxLength ?? MAX_LENGTH,
      expiresMs: expires === undefined ? undefined : expires * 1_000,
      quorum,
      deadLetter: deadLetters,
    }),
  );
}

/** @throws Failure 64 for an empty --exec, for options that need --exec without it, and for --pretty with --exec */
export function checkCommand({ exec, concurrency, attempts, pretty }: ListenOptions): void {
  if (exec === undefined) {
    if (concurrency !== undefined) throw usageError('--concurrency needs --exec');
    if (attempts !== undefined) throw usageError('--attempts needs --exec');
    return;
  }
  if (exec.trim() === '') throw usageError('--exec needs a command');
  if (pretty) throw usageError('--pretty cannot be combined with --exec, which prints no messages');
}

function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);
}
