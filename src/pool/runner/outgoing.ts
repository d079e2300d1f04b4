import type { Writable } from 'node:stream';
import { lineOf, type Message } from './message.ts';

/** The side of the protocol that speaks. It never waits for a reader: worker-runner may not read for a quarter of an hour. */
export interface Outgoing {
  /** Sends a line of the log, unless too much waits already. The next line that is sent says how many were left out. */
  log(body: object): void;
  /** Sends any other message, however much of the log waits. Bounded as well: false when it was left out. */
  say(message: Message): boolean;
  /** Resolves when everything has left, when it has failed, or after `withinMs`. */
  flush(withinMs: number): Promise<void>;
  /** Whether a write has failed: nobody reads any more. */
  readonly isBroken: boolean;
}

/** How many bytes of the log may wait for the runner, and how many of everything. */
const MOST_LOG_WAITING = 16 * 1024 * 1024;
const MOST_WAITING = MOST_LOG_WAITING + 1024 * 1024;

/**
 * @param hide takes the known secrets out of a line of JSON
 */
export function outgoing(
  stream: Writable,
  hide: (json: string) => string,
  { mostLog = MOST_LOG_WAITING, most = MOST_WAITING } = {},
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
