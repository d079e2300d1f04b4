import { filter, firstValueFrom } from 'rxjs';
import { connect, PulseError, type Pulse, type PulseOptions } from '../../pulse/index.ts';
import { EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';

/**
 * Connects to the broker of `tcw dev`. A refused login and an unreachable broker both end the program at once, because
 * the queue of `tcw dev` cannot publish without its broker.
 *
 * @throws Failure
 */
export async function connectToPulse(options: PulseOptions): Promise<Pulse> {
  let pulse: Pulse;
  try {
    pulse = connect({ ...options, logger: false });
  } catch (error) {
    throw new Failure(EXIT_CODES.invalidConfig.code, (error as PulseError).message);
  }
  const state = await firstValueFrom(pulse.state$.pipe(filter(({ name }) => name !== 'connecting')));
  if (state.name !== 'failed' && state.name !== 'waiting') return pulse;
  await pulse.close(0);
  const what = state.name === 'failed' ? 'Pulse' : 'tcw dev needs its broker';
  throw new Failure(EXIT_CODES.invalidConfig.code, `${what}: ${state.error.message}`);
}
