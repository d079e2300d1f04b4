import { filter, firstValueFrom, map, merge, type Observable } from 'rxjs';
import { Secret } from '../../base/index.ts';
import { connect, type Pulse, type PulseState } from '../../pulse/index.ts';
import { PULSE_EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import { checked, pulseFailure } from './failure.ts';

/** The address of the broker and the login, from the command line: pulse-go's `-s`, `-u` and `-p`. */
export interface ConnectionOptions {
  readonly server?: string;
  readonly user?: string;
  readonly password?: string;
}

/**
 * Connects to the broker. A first attempt that fails is reported at once, because a person is waiting at the terminal.
 * A connection that is lost later is restored automatically.
 *
 * @param stop$ ends the wait, with exit code 130
 * @throws Failure 64 for an invalid URL, 69 when the broker does not answer, 77 for a refused login
 */
export async function openPulse(options: ConnectionOptions, stop$: Observable<unknown>): Promise<Pulse> {
  const pulse = checked(() =>
    connect({
      url: options.server === undefined ? undefined : new Secret(options.server),
      user: options.user,
      password: options.password === undefined ? undefined : new Secret(options.password),
      connectionName: 'tcw pulse',
      logger: false,
    }),
  );
  const state = await firstValueFrom<PulseState | { readonly name: 'stopped' }>(
    merge(
      pulse.state$.pipe(filter(({ name }) => name !== 'connecting')),
      stop$.pipe(map(() => ({ name: 'stopped' as const }))),
    ),
  );
  if (state.name === 'connected' || state.name === 'blocked') return pulse;
  await pulse.close(0);
  if (state.name === 'failed' || state.name === 'waiting') throw pulseFailure(state.error);
  throw new Failure(PULSE_EXIT_CODES.interrupted.code, 'stopped before the connection was open');
}
