import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { reject, type HandlerContext, type PulseMessage, type Verdict } from '../../../pulse/index.ts';
import { PULSE_EXIT_CODES } from '../../words/exit-codes.ts';
import { recordJson, type MessageRecord } from './message-record.ts';

/** A command exits with this code of sysexits.h to reject a message that a retry cannot help. */
const GIVE_UP = PULSE_EXIT_CODES.badData.code;
/** Windows has no process groups that can be signalled. */
const GROUPS = process.platform !== 'win32';

/** Runs a command for each message in the system's shell. */
export interface CommandRunner {
  /**
   * Runs the command with the message as one line of JSON on its standard input, and with the facts about the message
   * in its environment. Exit code 0 means success; 65 rejects the message.
   *
   * @throws Error for any other ending, with a description of it
   */
  run(
    this: void,
    record: MessageRecord,
    context: HandlerContext,
    message: PulseMessage,
  ): Promise<Verdict | undefined>;
  /** The number of running commands. */
  readonly running: number;
  /** Kills the running commands with all their child processes. */
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
        // In its own process group, the command does not receive Ctrl-C from the terminal, so it finishes its message.
        detached: GROUPS,
        stdio: ['pipe', 'inherit', 'inherit'],
        env: { ...process.env, TCW_STARTED_LIMITS: undefined, ...facts(record, context) },
      });
      const { pid, stdin } = child;
      const ended = once(child, 'close');
      // Many commands do not read their input.
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
    // The process has already ended.
  }
}

/**
 * The facts about a message that a command can use without reading JSON. The names do not begin with `TCW_`: `tcw run`
 * rejects unknown variables with that prefix, and a command may start `tcw run`.
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
  // A routing key may contain a NUL; an environment variable cannot.
  return Object.fromEntries(Object.entries(facts).map(([name, value]) => [name, value.replaceAll('\0', '')]));
}

/** Converts `taskId` to `TASK_ID`. */
function upper(name: string): string {
  return name.replaceAll(/[A-Z]/g, letter => `_${letter}`).toUpperCase();
}
