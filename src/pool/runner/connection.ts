import type { Readable, Writable } from 'node:stream';
import { ReplaySubject, type Observable } from 'rxjs';
import { linesOf } from './lines.ts';
import { CAPABILITIES, messageOf, type Capability, type Message } from './message.ts';
import { outgoing } from './outgoing.ts';

/** A message about the connection, for the worker's log. */
export interface LogEntry {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The connection to worker-runner. */
export interface RunnerConnection {
  /** Whether both sides have announced this capability. Always false before the runner's `welcome`. */
  agreed(capability: Capability): boolean;
  /** Resolves after the runner's `welcome`, when the runner has ended, or after `withinMs`. */
  welcomed(withinMs: number): Promise<void>;
  /** The runner's messages other than `welcome`. A late subscriber first gets the latest ones. */
  readonly message$: Observable<Message>;
  /** Emits when the runner has closed its side, which means that it has ended. A late subscriber gets this at once. */
  readonly gone$: Observable<unknown>;
  /** Messages for the log. A late subscriber first gets the latest ones. */
  readonly logEntry$: Observable<LogEntry>;
  /** Sends a message of an agreed capability. Returns false if the runner will not get it. */
  say(capability: Capability, message: Message): boolean;
  /** Sends a log line. Returns false if the capability `log` is not agreed or the runner has ended. */
  log(body: object): boolean;
  /** Waits until all messages have been written, but at most for a short time. */
  flush(): Promise<void>;
  /** Does the same as `flush` and closes the input from the runner. Calling it again has no effect. */
  close(): Promise<void>;
}

export interface RunnerStreams {
  readonly input: Readable;
  /** Writes to this stream happen in the background, because they must not wait for the reader. */
  readonly output: Writable;
}

/**
 * The longest line, in characters. worker-runner has no limit. Its longest message contains a certificate of a few
 * kilobytes.
 */
const LONGEST_LINE = 1024 * 1024;
/** The maximum number of messages to log, because a broken runner may send nonsense forever. */
const MAX_LOG_ENTRIES = 20;
/**
 * How many messages are kept for late subscribers. A shutdown request may arrive before the configuration has been
 * read.
 */
const MAX_KEPT = 20;
/** How long a flush waits for the runner to read the messages, in ms. */
const FLUSH_MS = 2_000;

/** Speaks worker-runner's protocol from the first message on. Answers `welcome` and emits all other messages. */
export function connectRunner(
  { input, output }: RunnerStreams,
  hide: (json: string) => string = json => json,
): RunnerConnection {
  const out = outgoing(output, hide);
  const message$ = new ReplaySubject<Message>(MAX_KEPT);
  const gone$ = new ReplaySubject<undefined>(1);
  const log$ = new ReplaySubject<LogEntry>(MAX_LOG_ENTRIES * 2);
  const welcome = Promise.withResolvers<undefined>();
  let offered: ReadonlySet<unknown> | undefined;
  let isGone = false;
  let shown = 0;
  const log = (level: LogEntry['level'], message: string, fields: LogEntry['fields'] = {}) => {
    if (++shown > MAX_LOG_ENTRIES) return;
    log$.next({ level, message, fields });
    if (shown === MAX_LOG_ENTRIES) {
      log$.next({ level: 'warn', message: 'worker-runner: further messages are not logged', fields: {} });
    }
  };
  const receiveWelcome = ({ capabilities }: Message) => {
    if (offered) {
      log('warn', 'worker-runner sent another welcome message, which is ignored');
      return;
    }
    if (!Array.isArray(capabilities))
      log('warn', 'the welcome message of worker-runner lists no capabilities');
    offered = new Set<unknown>(Array.isArray(capabilities) ? capabilities : []);
    out.say({ type: 'hello', capabilities: CAPABILITIES });
    const agreed = CAPABILITIES.filter(capability => offered?.has(capability));
    log('info', 'running under worker-runner', { capabilities: agreed });
    welcome.resolve(undefined);
  };
  const subscription = linesOf(input, LONGEST_LINE).subscribe({
    next: line => {
      const message = line === undefined ? undefined : messageOf(line);
      if (line === undefined) log('warn', 'worker-runner: a line was too long and is ignored');
      else if (message?.type === 'welcome') receiveWelcome(message);
      else if (message) message$.next(message);
      // The line is not logged, because it may be part of a message that contains a token.
      else if (line.trim() !== '')
        log('warn', 'worker-runner: a line is not a message', { characters: line.length });
    },
    complete: () => {
      isGone = true;
      welcome.resolve(undefined);
      gone$.next(undefined);
    },
  });
  const flush = async () => {
    if (!isGone) await out.flush(FLUSH_MS);
  };
  let closed: Promise<void> | undefined;
  const close = async () => {
    await flush();
    subscription.unsubscribe();
    message$.complete();
    input.destroy();
  };
  const agreed = (capability: Capability) => offered?.has(capability) === true;
  return {
    agreed,
    welcomed: async withinMs => {
      const { promise, resolve } = Promise.withResolvers<undefined>();
      const timer = setTimeout(resolve, withinMs, undefined);
      await Promise.race([welcome.promise, promise]);
      clearTimeout(timer);
    },
    message$: message$.asObservable(),
    gone$: gone$.asObservable(),
    logEntry$: log$.asObservable(),
    say: (capability, message) => agreed(capability) && !isGone && out.say(message),
    log: body => {
      if (!agreed('log') || isGone || out.isBroken) return false;
      out.log(body);
      return true;
    },
    flush,
    close: () => (closed ??= close()),
  };
}
