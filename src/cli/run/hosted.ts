import { crashReports, type CrashReports, type Host } from '../../pool/index.ts';
import type { WorkerConfig } from '../../worker/config/index.ts';
import type { CommandIo } from '../commands.ts';
import { atCrash } from './crash.ts';
import { EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import { run } from './run.ts';
import { version } from '../words/version.ts';

/** Runs a worker that belongs to a host. */
export function runFor(host: Host, config: WorkerConfig, io: CommandIo): Promise<number> {
  const log = (fields: Readonly<Record<string, unknown>>, message: string) => {
    io.logger.info(fields, message);
  };
  const reports = crashReports({ config, version: version(), host, secrets: io.secrets, log });
  return hosted(host, reports, () => run(config, io, host, reports.see));
}

/**
 * Runs a worker and tells its host how it ended: of an error first, then of the exit code. The host decides whether the machine is
 * shut down.
 */
export async function hosted(
  host: Pick<Host, 'ended'>,
  reports: Omit<CrashReports, 'see'>,
  work: () => Promise<number>,
): Promise<number> {
  const failed = async (error: unknown) => {
    const isFailure = error instanceof Failure;
    await (isFailure ? reports.cannotWork(error.message) : reports.crashed(error));
    await host.ended(isFailure ? error.exitCode : EXIT_CODES.internalError.code);
  };
  let crash: Promise<void> | undefined;
  using _ = atCrash(error => (crash = failed(error)));
  try {
    const exitCode = await work();
    // A crash ends the worker, too. How it ended then does not matter any more.
    if (crash) {
      await crash;
      return EXIT_CODES.internalError.code;
    }
    if (exitCode === EXIT_CODES.internalError.code) await reports.cannotWork(EXIT_CODES.internalError.when);
    await reports.settled();
    await host.ended(exitCode);
    return exitCode;
  } catch (error) {
    await (crash ?? failed(error));
    throw error;
  }
}

/** What is wrong before there is a configuration, as the owner of the pool is told of it. */
export function problemOf(error: unknown): Parameters<Host['reportError']>[0] {
  const description = error instanceof Error ? error.message : String(error);
  const { platform, arch } = process;
  const extra = { version: version(), platform, arch };
  return { kind: 'worker-error', title: 'tcw error', description, extra };
}
