import type { Writable } from 'node:stream';
import { lineOf, type Message } from './message.ts';

/** The sending side of the protocol. It never waits for the reader: worker-runner may stop reading for 15 minutes. */
export interface Outgoing {
  /**
   * Sends a log line, unless too much is waiting already. Before the next line, a message says how many were dropped.
   */
  log(body: object): void;
  /**
   * Sends any other message, even if the limit for the log is reached. There is a limit too: returns false if dropped.
   */
  say(message: Message): boolean;
  /** Resolves when everything has been written, when writing has failed, or after `withinMs`. */
  flush(withinMs: number): Promise<void>;
  /** Whether a write has failed, which means that there is no reader any more. */
  readonly isBroken: boolean;
}

/** How many bytes may wait for the runner: the limit for log lines, and the limit for everything. */
const MAX_LOG_WAITING = 16 * 1024 * 1024;
const MAX_WAITING = MAX_LOG_WAITING + 1024 * 1024;

/**
 * @param hide removes the known secrets from a line of JSON
 */
export function outgoing(
  stream: Writable,
  hide: (json: string) => string,
  { mostLog = MAX_LOG_WAITING, most = MAX_WAITING } = {},
): Outgoing {
  let lost = 0;
  let isBroken = false;
  stream.on('error', () => {
    isBroken = true;
  });
  const write = (message: Message) => {
    if (!isBroken && !stream.destroyed) stream.write(hide(lineOf(message)));
  };
  return {
    log: body => {
      if (stream.writableLength > mostLog) {
        lost++;
        return;
      }
      if (lost > 0) {
        const textPayload = `${lost} lines of this log were lost: worker-runner did not read them`;
        lost = 0;
        write({ type: 'log', body: { textPayload, level: 'warn' } });
      }
      write({ type: 'log', body });
    },
    say: message => {
      if (isBroken || stream.writableLength > most) return false;
      write(message);
      return true;
    },
    flush: async withinMs => {
      if (isBroken || stream.destroyed) return;
      const { promise, resolve } = Promise.withResolvers<undefined>();
      const done = () => {
        resolve(undefined);
      };
      const timer = setTimeout(done, withinMs);
      stream.once('error', done).write('', done);
      await promise;
      clearTimeout(timer);
      stream.off('error', done);
    },
    get isBroken() {
      return isBroken;
    },
  };
}
