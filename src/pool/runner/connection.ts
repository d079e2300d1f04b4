import type { Readable, Writable } from 'node:stream';
import { ReplaySubject, type Observable } from 'rxjs';
import { linesOf } from './lines.ts';
import { CAPABILITIES, messageOf, type Capability, type Message } from './message.ts';
import { outgoing } from './outgoing.ts';

/** Something about the conversation that the worker's log says. */
export interface Remark {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The conversation with worker-runner. */
export interface RunnerConnection {
  /** Whether both sides have named it. Nothing is, before the runner has said welcome. */
  agreed(capability: Capability): boolean;
  /** Resolves when the runner has said welcome, when it is gone, or after `withinMs`. */
  welcomed(withinMs: number): Promise<void>;
  /** What the runner says beside its welcome; the last of it comes first to those that ask later. */
  readonly message$: Observable<Message>;
  /** The runner has closed its side: it has ended. Emits at once to those that ask later. */
  readonly gone$: Observable<unknown>;
  /** What is worth a line of the log; the last ones come first to those that ask later. */
  readonly remark$: Observable<Remark>;
  /** Sends a message of an agreed capability; false if nobody will get it. */
  say(capability: Capability, message: Message): boolean;
  /** Sends a line of the log; false if it is not agreed that the runner takes it, or the runner is gone. */
  log(body: object): boolean;
  /** Waits until everything that was said has left, but only a while. */
  flush(): Promise<void>;
  /** Does the same, and lets go of the runner's pipe. Again does nothing. */
  close(): Promise<void>;
}

export interface RunnerStreams {
  readonly input: Readable;
  /** Written to in the background: a write must not wait for its reader. */
  readonly output: Writable;
}

/** worker-runner has no limit; its longest message is a certificate of a few kilobytes. */
const LONGEST_LINE = 1024 * 1024;
/** How many remarks there are at most: a runner that sends nonsense may send it for ever. */
const MOST_REMARKS = 20;
/** How many messages are kept for those that ask later: the machine may have to go before the configuration has been read. */
const MOST_KEPT = 20;
/** How long the end waits until the runner has read what was said to it, in ms. */
const FLUSH_MS = 2_000;

/** Speaks worker-runner's protocol, from its first message on: answers its welcome, and tells of the rest. */
export function connectRunner(
  { input, output }: RunnerStreams,
  hide: (json: string) => string = json => json,
): RunnerConnection {
  const out = outgoing(output, hide);
  const message$ = new ReplaySubject<Message>(MOST_KEPT);
  const gone$ = new ReplaySubject<undefined>(1);
  const remark$ = new ReplaySubject<Remark>(MOST_REMARKS * 2);
  const welcome = Promise.withResolvers<undefined>();
  let offered: ReadonlySet<unknown> | undefined;
  let isGone = false;
  let shown = 0;
  const remark = (level: Remark['level'], message: string, fields: Remark['fields'] = {}) => {
    if (++shown > MOST_REMARKS) return;
    remark$.next({ level, message, fields });
    if (shown === MOST_REMARKS) {
      remark$.next({ level: 'warn', message: 'worker-runner: more remarks are not logged', fields: {} });
    }
  };
  const greet = ({ capabilities }: Message) => {
    if (offered) {
      remark('warn', 'worker-runner has said welcome again, which changes nothing');
      return;
    }
    if (!Array.isArray(capabilities)) remark('warn', 'the welcome of worker-runner names no capabilities');
    offered = new Set<unknown>(Array.isArray(capabilities) ? capabilities : []);
    out.say({ type: 'hello', capabilities: CAPABILITIES });
    const agreed = CAPABILITIES.filter(capability => offered?.has(capability));
    remark('info', 'running under worker-runner', { capabilities: agreed });
    welcome.resolve(undefined);
  };
  const subscription = linesOf(input, LONGEST_LINE).subscribe({
    next: line => {
      const message = line === undefined ? undefined : messageOf(line);
      if (line === undefined) remark('warn', 'worker-runner: a line was too long and is left out');
      else if (message?.type === 'welcome') greet(message);
      else if (message) message$.next(message);
      // Its text is not shown: it may be half of a message with a token in it.
      else if (line.trim() !== '')
        remark('warn', 'worker-runner: a line is no message', { characters: line.length });
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
    remark$: remark$.asObservable(),
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
