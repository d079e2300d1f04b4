import type { PulseState } from '../session/state.ts';

/** Writes one log entry. */
export type LogFunction = (fields: Readonly<Record<string, unknown>>, message: string) => void;

/** A logger with pino's methods. A pino logger can be used directly. */
export interface PulseLogger {
  readonly debug: LogFunction;
  readonly info: LogFunction;
  readonly warn: LogFunction;
  readonly error: LogFunction;
}

/** The log of one connection to Pulse. It never receives a password, a header or a body. */
export interface Log extends PulseLogger {
  /** Logs a warning that goes to stderr if the program has set no logger. */
  readonly alert: LogFunction;
}

const silent = () => undefined;
const SILENT: Log = { debug: silent, info: silent, warn: silent, error: silent, alert: silent };
/** The minimum time before the same line is repeated on stderr, in ms. */
const REPEAT_MS = 60_000;
const MAX_LINES = 100;

/** @param logger undefined: alerts go to stderr. False: nothing is logged. */
export function logOf(logger: PulseLogger | false | undefined): Log {
  if (logger === false) return SILENT;
  if (!logger) return { ...SILENT, alert: stderrAlerts() };
  // A logger's methods may need `this`, and their errors must not affect a message.
  const safely = (level: keyof PulseLogger): LogFunction => {
    return (fields, message) => {
      try {
        logger[level](fields, message);
      } catch {
        // There is nowhere to report it.
      }
    };
  };
  const warn = safely('warn');
  return { debug: safely('debug'), info: safely('info'), warn, error: safely('error'), alert: warn };
}

function stderrAlerts(): LogFunction {
  const lastAt = new Map<string, number>();
  return (_fields, message) => {
    const now = performance.now();
    if (now - (lastAt.get(message) ?? -Infinity) < REPEAT_MS) return;
    if (lastAt.size >= MAX_LINES) lastAt.clear();
    lastAt.set(message, now);
    process.stderr.write(`tcw/pulse: ${message.replaceAll(/\s*\n\s*/g, ' ')}\n`);
  };
}

/** Logs the states of a connection. The first failed attempt of each outage is an alert. */
export function stateLogger(log: Log): (state: PulseState) => void {
  let previous: PulseState['name'] = 'closed';
  let outage = false;
  return state => {
    switch (state.name) {
      case 'connected':
        outage = false;
        log.info({}, 'connected to Pulse');
        break;
      case 'waiting': {
        const { error, retryInMs } = state;
        // A lost connection may be restored at once. It is an outage only if the next attempt fails.
        if (previous === 'connecting' && !outage) {
          outage = true;
          log.alert({ err: error, retryInMs }, `${error.message}. Trying again until it succeeds`);
        } else log.warn({ err: error, retryInMs }, `no connection to Pulse: ${error.message}`);
        break;
      }
      case 'blocked':
        log.warn({ reason: state.reason }, 'the broker accepts no messages at the moment');
        break;
      case 'failed':
        log.error({ err: state.error }, `gave up connecting to Pulse: ${state.error.message}`);
        break;
      case 'closed':
        log.info({}, 'the connection to Pulse is closed');
        break;
      case 'connecting':
        log.debug({}, 'connecting to Pulse');
    }
    previous = state.name;
  };
}
