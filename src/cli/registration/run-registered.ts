import {
  becomeMember,
  giveUp,
  memberHost,
  RegistrationError,
  registrationStore,
  spotNotices,
  type Note,
  type PoolMember,
} from '../../pool/index.ts';
import { shutdownSignals, type Shutdown } from '../../streams/index.ts';
import { ServiceError } from '../../taskcluster/index.ts';
import type { LiveSecrets } from '../../worker/index.ts';
import { loadSources, type LoadedConfig, type Sources } from '../config/read.ts';
import { EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import { runFor } from '../run/hosted.ts';
import { withIo } from '../output/with-io.ts';
import { hideRegistration } from './hide-registration.ts';
import { identitySource } from './identity-source.ts';
import { poolSource } from './pool-sources.ts';
import { warnOfReadableRegistration } from './warn-of-readable-registration.ts';
import { membershipOf, ownConfig, type Membership, type OwnConfig } from './provider-of.ts';

/**
 * `tcw run` for a worker that registers with worker-manager by itself.
 *
 * @returns its exit code
 * @throws Failure
 */
export function runRegistered(
  sources: Sources,
  workingDirectory: string,
  secrets: LiveSecrets,
): Promise<number> {
  const own = ownConfig(sources, workingDirectory);
  secrets.addAllOf(own);
  return withIo({ level: own.logLevel, secrets }, async io => {
    const note: Note = (level, message, fields = {}) => {
      io.logger[level](fields, message);
    };
    const membership = membershipOf(own, note);
    const joined = await join(own, membership, note);
    if (typeof joined === 'string') return EXIT_OF_SIGNAL[joined];
    await using member = joined;
    using _ = hideRegistration(member, secrets);
    const { config, warnings } = await configured(member, sources, workingDirectory, note);
    secrets.addAllOf(config);
    io.setLevel(config.logLevel);
    for (const { message, ...fields } of warnings) io.logger.warn(fields, message);
    warnOfReadableRegistration(config, note);
    const { cloud } = membership;
    const notices$ =
      cloud && spotNotices(cloud.service, cloud.notices(member.state().identity.workerId), note);
    const host = memberHost(member, config, note, notices$);
    // Awaited here so that the credentials are renewed until the worker ends.
    return await runFor(host, config, io);
  });
}

const EXIT_OF_SIGNAL: Readonly<Record<Shutdown, number>> = {
  finish: EXIT_CODES.workerStopped.code,
  now: EXIT_CODES.workerShutdown.code,
  force: EXIT_CODES.workerShutdown.code,
};

/** Joins the pool. If a signal stops the worker first, returns the kind of shutdown. */
async function join(
  { registrationFile }: OwnConfig,
  { provider }: Membership,
  note: Note,
): Promise<PoolMember | Shutdown> {
  const told = new AbortController();
  let how: Shutdown | undefined;
  const signals = shutdownSignals().subscribe(signal => {
    how = signal;
    // A pending response of worker-manager is awaited, because it is sent only once.
    if (signal === 'force') process.exit(EXIT_OF_SIGNAL.force);
    told.abort(new Error('told to go'));
  });
  try {
    const store = registrationStore(registrationFile, note);
    return await becomeMember({ provider, store, note }, told.signal);
  } catch (error) {
    // A signal does not hide what somebody has to correct.
    if (how !== undefined && !(error instanceof RegistrationError)) return how;
    throw failureOf(error);
  } finally {
    signals.unsubscribe();
  }
}

function failureOf(error: unknown): unknown {
  const { invalidConfig, internalError } = EXIT_CODES;
  if (error instanceof RegistrationError) {
    const { code } = error.fault === 'configuration' ? invalidConfig : internalError;
    return new Failure(code, error.message, { cause: error });
  }
  if (error instanceof ServiceError) {
    return new Failure(internalError.code, `the secrets of the worker pool cannot be read: ${error.message}`);
  }
  return error;
}

/**
 * Loads the whole configuration. Wrong settings of the pool are reported to its owner, because nobody reads the log of
 * a cloud machine.
 */
async function configured(
  member: PoolMember,
  sources: Sources,
  workingDirectory: string,
  note: Note,
): Promise<LoadedConfig> {
  const state = member.state();
  const between = [poolSource(state.identity.workerPoolId, member.pool)];
  const below = [...sources.written, ...between, ...sources.now];
  try {
    return loadSources(sources, workingDirectory, { between, above: [identitySource(state, below)] });
  } catch (error) {
    if (error instanceof Failure) await giveUp(member, error.message, note);
    throw error;
  }
}
