import { filter, firstValueFrom } from 'rxjs';
import { connect, type Pulse, type PulseError } from '../../pulse/index.ts';
import type { WorkerConfig } from '../config/index.ts';
import type { Emit } from '../events.ts';
import { StartError } from '../start-error.ts';

/**
 * Connects to the configured broker. A refused password or virtual host is a mistake, and ends the program at
 * once. A broker that cannot be reached may become available later.
 *
 * @returns undefined if the configuration names no broker, so that the worker polls
 * @throws StartError for a problem that another attempt would not solve
 */
export async function connectPulse(config: WorkerConfig, emit: Emit): Promise<Pulse | undefined> {
  const { pulseUrl: url, pulseUser: user, pulsePassword: password, pulseNamespace: namespace } = config;
  if (!url && user === undefined) {
    emit({ type: 'no-pulse' });
    return undefined;
  }
  const connectionName = `tcw ${config.workerGroup}/${config.workerId}`;
  let pulse: Pulse;
  try {
    pulse = connect({ url, user, password, namespace, connectionName, logger: false });
  } catch (error) {
    throw new StartError((error as PulseError).message);
  }
  const state = await firstValueFrom(pulse.state$.pipe(filter(({ name }) => name !== 'connecting')));
  if (state.name === 'failed') {
    await pulse.close(0);
    throw new StartError(`Pulse: ${state.error.message}`);
  }
  if (state.name === 'waiting') emit({ type: 'pulse-away', reason: state.error.message });
  return pulse;
}
