import { createServer } from 'node:net';
import { once } from 'node:events';
import { delimiter, join } from 'node:path';
import { access, constants } from 'node:fs/promises';
import type { Queue } from '../../../taskcluster/index.ts';
import { tryMachine, type LiveSecrets, type WorkerConfig } from '../../../worker/index.ts';
import { EXIT_CODES } from '../../words/exit-codes.ts';
import { version } from '../../words/version.ts';
import { workerFailure } from '../worker-failure.ts';
import { collectingLog } from './collecting-log.ts';
import type { Findings } from './findings.ts';
import { reportFailure } from './report-failure.ts';

/** Programs that some mounts need for unpacking; docs/platforms.md#other-programs. */
const PROGRAMS: Readonly<Record<string, string>> = {
  lzip: 'mounts in the format lz',
  bsdtar: '7z and rar archives that are large or have names outside ASCII',
};

/** Tries the engines, keys and other local resources that a start opens. */
export async function checkMachine(
  config: WorkerConfig,
  queue: Queue,
  secrets: LiveSecrets,
  findings: Findings,
): Promise<void> {
  let haveEngines = false;
  try {
    await tryMachine({
      config,
      version: version(),
      queue,
      secrets,
      emit: collectingLog(findings),
      onEngines: engines => {
        haveEngines = true;
        for (const { name } of engines) findings.ok(`engine ${name}: works`);
      },
    });
    findings.ok('features: keys and settings can be used');
  } catch (error) {
    reportFailure(workerFailure(config, error), findings);
    if (!haveEngines) findings.skip('features: need an engine');
  }
}

/** Checks that the worker can open the port for its health and metrics. */
export async function checkPort(
  { monitoringPort: port, monitoringAddress: host }: WorkerConfig,
  findings: Findings,
): Promise<void> {
  if (port === undefined) return;
  const server = createServer();
  try {
    server.listen({ port, host });
    await once(server, 'listening');
    findings.ok(`monitoringPort ${port} is free`);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'EADDRINUSE' ? 'another program uses it' : message;
    findings.fail(
      EXIT_CODES.invalidConfig.code,
      `monitoringPort ${port} at ${host}: ${why}. Choose another port, or 0 for any`,
    );
  } finally {
    server.close();
  }
}

/** Looks for the programs that a few mounts need. Most pools need none of them, so a missing one is no warning. */
export async function checkPrograms(findings: Findings): Promise<void> {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  const isIn = (folder: string, program: string) =>
    access(join(folder, program), constants.X_OK).then(
      () => true,
      () => false,
    );
  for (const [program, use] of Object.entries(PROGRAMS)) {
    const found = await Promise.all(folders.map(folder => isIn(folder, program)));
    findings.ok(
      found.includes(true)
        ? `program ${program}: found`
        : `program ${program}: not needed, except for ${use}`,
    );
  }
}
