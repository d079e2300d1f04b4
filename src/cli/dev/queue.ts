import { startLocalQueue, type LocalQueue, type LocalQueueOptions } from '../../local/index.ts';
import { EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import type { Logger } from '../output/logger.ts';

/** Why the system refuses a port, by error code. */
const REFUSALS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens on it',
  EACCES: 'permission denied',
};

/**
 * Starts the queue of `tcw dev` on a port of 127.0.0.1; 0 selects a free port.
 *
 * @throws Failure when the port is not available
 */
export async function devQueue({
  logger,
  ...options
}: LocalQueueOptions & { readonly port: number; readonly logger: Logger }): Promise<LocalQueue> {
  try {
    return await startLocalQueue({
      ...options,
      onError: err => {
        logger.error({ err }, 'the queue had an internal error');
      },
    });
  } catch (error) {
    const refusal = REFUSALS[(error as NodeJS.ErrnoException).code ?? ''];
    if (refusal === undefined) throw error;
    throw new Failure(
      EXIT_CODES.invalidConfig.code,
      `port ${options.port} is not available: ${refusal}; choose another with --port`,
    );
  }
}
