import { LiveSecrets, type WorkerConfig } from '../../worker/index.ts';
import type { CommandIo } from '../commands.ts';
import { hideInFinalMessages } from './final-messages.ts';
import { exitSoon } from './exit-soon.ts';
import { createLogger, type LoggerOptions, type ProcessLogger } from './logger.ts';
import { output } from './output.ts';
import { secretVariables } from '../config/secret-variables.ts';

/** The most bytes of task logs that may wait for a reader of `tcw dev`. */
const MAX_WAITING = 64 * 1024 * 1024;

interface IoOptions extends Pick<LoggerOptions, 'elsewhere'> {
  readonly level: WorkerConfig['logLevel'];
  readonly secrets?: LiveSecrets;
}

/** Runs a command with a log, and flushes the log at the end. */
export async function withIo<T>(
  { level, secrets = new LiveSecrets(), elsewhere }: IoOptions,
  command: (io: CommandIo & Pick<ProcessLogger, 'setLevel'>) => Promise<T>,
): Promise<T> {
  secrets.add(...secretVariables(process.env));
  hideInFinalMessages(secrets);
  const { stdout, stderr } = process;
  const format = !stderr.isTTY ? 'json' : stderr.hasColors() ? 'coloured' : 'plain';
  const logger = await createLogger({ level, stream: stderr, format, secrets, elsewhere });
  const results = output(stdout, {
    maxWaiting: MAX_WAITING,
    gap: lost => `[tcw] ${lost} pieces of output were lost: they could not be written, or nobody read them\n`,
  });
  try {
    return await command({ stdout: results, logger, secrets, setLevel: logger.setLevel });
  } finally {
    await Promise.all([results.flush(), logger.flush()]);
    exitSoon();
  }
}
