import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { reject, type HandlerContext, type PulseMessage, type Verdict } from '../../../pulse/index.ts';
import { PULSE_EXIT_CODES } from '../../words/exit-codes.ts';
import { recordJson, type MessageRecord } from './message-record.ts';

/** A command may use this code of sysexits.h for a message that no other try would mend. */
const GIVE_UP = PULSE_EXIT_CODES.badData.code;
/** Elsewhere a process has no group that could be ended with it. */
const GROUPS = process.platform !== 'win32';

/** Runs a command for each message, through the system's shell. */
export interface CommandRunner {
  /**
   * Runs it with the message as one line of JSON on its standard input, and its facts in the environment. It has to
   * exit with 0; with 65 the message is given up.
   *
   * @throws Error that says how it ended otherwise
   */
  run(
    this: void,
    record: MessageRecord,
    context: HandlerContext,
    message: PulseMessage,
  ): Promise<Verdict | undefined>;
  /** How many run. */
  readonly running: number;
  /** Kills what runs, and all that it started. */
  kill(): void;
}

export function commandRunner(command: string): CommandRunner {
  const running = new Set<number>();
  return {
    get running() {
      return running.size;
    },
    run: async (record, context, message) => {
      const child = spawn(command, {
        shell: true,
        // In a group of its own Ctrl-C at the terminal does not end it: the message it works on is finished.
        detached: GROUPS,
        stdio: ['pipe', 'inherit', 'inherit'],
        env: { ...process.env, TCW_STARTED_LIMITS: undefined, ...facts(record, context) },
      });
      const { pid, stdin } = child;
      const ended = once(child, 'close');
      // Many commands read nothing.
      stdin.on('error', () => undefined);
      stdin.end(`${recordJson(record, message)}\n`);
      const stop = () => {
        if (pid !== undefined) signalGroup(pid, 'SIGTERM');
      };
      context.signal.addEventListener('abort', stop);
      if (pid !== undefined) running.add(pid);
      try {
        const [code, signal] = (await ended) as [number | null, NodeJS.Signals | null];
        if (code === 0) return undefined;
        if (code === GIVE_UP) return reject(`exit code ${GIVE_UP}`);
        throw new Error(code === null ? `ended by ${signal ?? 'a signal'}` : `exit code ${code}`);
      } finally {
        context.signal.removeEventListener('abort', stop);
        if (pid !== undefined) running.delete(pid);
      }
    },
    kill: () => {
      for (const pid of running) signalGroup(pid, 'SIGKILL');
    },
  };
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(GROUPS ? -pid : pid, signal);
  } catch {
    // It has ended by itself.
  }
}

/**
 * What a command may want to know without reading JSON. The names do not begin with `TCW_`: `tcw run` refuses such
 * variables when it does not know them, and a command may start one.
 */
function facts(record: MessageRecord, { attempt, lastAttempt }: HandlerContext): Record<string, string> {
  const { exchange, routingKey, routes, receivedAt, redelivered, parts = {} } = record;
  const facts = {
    PULSE_EXCHANGE: exchange,
    PULSE_ROUTING_KEY: routingKey,
    PULSE_ROUTES: routes.join(' '),
    PULSE_RECEIVED_AT: receivedAt,
    PULSE_REDELIVERED: String(redelivered),
    PULSE_ATTEMPT: String(attempt),
    PULSE_LAST_ATTEMPT: String(lastAttempt),
    ...Object.fromEntries(Object.entries(parts).map(([name, value]) => [`PULSE_PART_${upper(name)}`, value])),
  };
  // A routing key may hold a NUL, and no variable may.
  return Object.fromEntries(Object.entries(facts).map(([name, value]) => [name, value.replaceAll('\0', '')]));
}

/** `taskId` as `TASK_ID`. */
function upper(name: string): string {
  return name.replaceAll(/[A-Z]/g, letter => `_${letter}`).toUpperCase();
}
