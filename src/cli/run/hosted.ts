import { crashReports, type CrashReports, type Host } from '../../pool/index.ts';
import type { WorkerConfig } from '../../worker/config/index.ts';
import type { CommandIo } from '../commands.ts';
import { onCrash } from './crash.ts';
import { EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import { run } from './run.ts';
import { version } from '../words/version.ts';

/** Runs a worker that was started by a host. */
export function runFor(host: Host, config: WorkerConfig, io: CommandIo): Promise<number> {
  const log = (fields: Readonly<Record<string, unknown>>, message: string) => {
    io.logger.info(fields, message);
  };
  const reports = crashReports({ config, version: version(), host, secrets: io.secrets, log });
  return hosted(host, reports, () => run(config, io, host, reports.see));
}

/**
 * Runs a worker and reports its end to the host: first an error, if there was one, then the exit code. The host decides
 * whether to shut the machine down.
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
  using _ = onCrash(error => (crash = failed(error)));
  try {
    const exitCode = await work();
    // A crash also ends the worker. The worker's own result then no longer matters.
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

/** Describes an error that occurs before the configuration is loaded, for the report to the owner of the pool. */
export function problemOf(error: unknown): Parameters<Host['reportError']>[0] {
  const description = error instanceof Error ? error.message : String(error);
  const { platform, arch } = process;
  const extra = { version: version(), platform, arch };
  return { kind: 'worker-error', title: 'tcw error', description, extra };
}
