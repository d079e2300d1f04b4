import { filter, firstValueFrom, map, merge, type Observable } from 'rxjs';
import { Secret } from '../../base/index.ts';
import { connect, type Pulse, type PulseState } from '../../pulse/index.ts';
import { PULSE_EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import { checked, pulseFailure } from './failure.ts';

/** Where the broker is and who logs in, as the command line has it: pulse-go's `-s`, `-u` and `-p`. */
export interface ConnectionWords {
  readonly server?: string;
  readonly user?: string;
  readonly password?: string;
}

/**
 * Connects, or says why not: a person who waits at a terminal is told at the first try. Later the connection comes
 * back by itself.
 *
 * @param stop$ ends the wait; 130 then
 * @throws Failure 64 for a URL that is none, 69 when nobody answers, 77 for a refused login
 */
export async function openPulse(words: ConnectionWords, stop$: Observable<unknown>): Promise<Pulse> {
  const pulse = checked(() =>
    connect({
      url: words.server === undefined ? undefined : new Secret(words.server),
      user: words.user,
      password: words.password === undefined ? undefined : new Secret(words.password),
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
  throw new Failure(PULSE_EXIT_CODES.interrupted.code, 'stopped before there was a connection');
}
