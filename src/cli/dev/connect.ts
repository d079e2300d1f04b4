import { filter, firstValueFrom } from 'rxjs';
import { connect, PulseError, type Pulse, type PulseOptions } from '../../pulse/index.ts';
import { EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import type { Logger } from '../output/logger.ts';

/**
 * Connects to Pulse. A refused password or vhost is a configuration mistake and ends the program at once. An
 * unreachable broker is retried.
 *
 * @throws Failure for an error that a retry cannot fix
 */
export async function connectToPulse(options: PulseOptions, logger: Logger): Promise<Pulse> {
  let pulse: Pulse;
  try {
    pulse = connect({ ...options, logger: false });
  } catch (error) {
    throw new Failure(EXIT_CODES.invalidConfig.code, (error as PulseError).message);
  }
  const state = await firstValueFrom(pulse.state$.pipe(filter(({ name }) => name !== 'connecting')));
  if (state.name === 'failed') {
    await pulse.close(0);
    throw new Failure(EXIT_CODES.invalidConfig.code, `Pulse: ${state.error.message}`);
  }
  if (state.name === 'waiting') {
    logger.warn({ reason: state.error.message }, 'Pulse cannot be reached: polling for work until it can');
  }
  return pulse;
}
