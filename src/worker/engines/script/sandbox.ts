import { once } from 'node:events';
import type { TaskFiles } from '../../files/task-files.ts';
import type {
  Command,
  CommandResult,
  Connection,
  Sandbox,
  Terminal,
  TerminalCommand,
  Usage,
} from '../engine.ts';
import type { NativeSandbox } from '../native/index.ts';
import { PrefixedLines } from './prefixed-lines.ts';

/** Prefix of the lines that a script writes to standard error. The same as in taskcluster-worker. */
const ERROR_PREFIX = '[worker:error] ';

/** A native sandbox that writes standard error to the output, with a prefix on each line. */
export class ScriptSandbox implements Sandbox {
  readonly #sandbox: NativeSandbox;
  #errors: PrefixedLines | undefined;

  constructor(sandbox: NativeSandbox) {
    this.#sandbox = sandbox;
  }

  async run(command: Command): Promise<CommandResult> {
    const errors = new PrefixedLines(ERROR_PREFIX, command.output);
    // Lines that cannot be written are dropped.
    errors.on('error', () => undefined);
    this.#errors = errors;
    try {
      return await this.#sandbox.run({ ...command, errors });
    } finally {
      errors.end();
      if (!errors.closed) await once(errors, 'close');
    }
  }

  get files(): TaskFiles {
    return this.#sandbox.files;
  }

  openTerminal(command: TerminalCommand): Promise<Terminal> {
    return this.#sandbox.openTerminal(command);
  }

  isPeer(connection: Connection): Promise<boolean> {
    return this.#sandbox.isPeer(connection);
  }

  usage(): Promise<Usage> {
    return this.#sandbox.usage();
  }

  stop(graceMs: number): Promise<void> {
    return this.#sandbox.stop(graceMs);
  }

  async close(): Promise<void> {
    try {
      await this.#sandbox.close();
    } finally {
      // A run does not wait for an output that is stuck.
      this.#errors?.destroy();
    }
  }
}
