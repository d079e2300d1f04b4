import { connectQueue } from '../../../taskcluster/index.ts';
import { LiveSecrets, type WorkerConfig } from '../../../worker/index.ts';
import { loadSources, readSources, type LoadedConfig, type Sources } from '../../config/read.ts';
import { printResult } from '../../output/print-result.ts';
import { withIo } from '../../output/with-io.ts';
import { registers } from '../../registration/registers.ts';
import { EXIT_CODES } from '../../words/exit-codes.ts';
import type { RunOptions } from '../run-options.ts';
import { assertCertificate } from '../worker-credentials.ts';
import { checkDisk, checkFolder } from './check-folders.ts';
import { checkMachine, checkPort, checkPrograms } from './check-machine.ts';
import { checkPulse } from './check-pulse.ts';
import { checkTaskcluster } from './check-taskcluster.ts';
import { findingsOf, type Finding, type Findings, type Group } from './findings.ts';
import { reportFailure } from './report-failure.ts';
import { reportOf } from './report.ts';

/**
 * `tcw run --check`: tries everything that a start needs, changes nothing, and prints the results.
 *
 * @returns the exit code with which `tcw run` would end at its start; also 69 if `tcw run` would wait in vain;
 *   otherwise 0
 * @throws Failure when the report cannot be written
 */
export async function checkCommand(options: RunOptions): Promise<number> {
  const secrets = new LiveSecrets();
  return withIo({ level: 'error', secrets }, async () => {
    const findings: Finding[] = [];
    await check(options, secrets, findings);
    // A start performs the same checks in the same order, and ends with the first failure's code.
    const exitCode =
      findings.find(finding => finding.exitCode !== undefined)?.exitCode ?? EXIT_CODES.tasksComplete.code;
    await printResult('the report', reportOf(findings, exitCode, options.json === true));
    return exitCode;
  });
}

async function check(options: RunOptions, secrets: LiveSecrets, list: Finding[]): Promise<void> {
  const of = (group: Group) => findingsOf(list, group);
  const workingDirectory = process.cwd();
  const sources = await readSources({ ...options, environment: process.env, workingDirectory });
  if (options.withWorkerRunner) {
    of('configuration').skip('worker-runner: its protocol, and the credentials that it renews');
  } else if (registers(sources)) {
    const { checkRegistered } = await import('./check-registered.ts');
    await checkRegistered(sources, workingDirectory, secrets, of);
    return;
  }
  const config = configured(sources, workingDirectory, of('configuration'));
  if (!config) return;
  secrets.addAllOf(config);
  try {
    assertCertificate(config);
  } catch (error) {
    reportFailure(error, of('configuration'));
    return;
  }
  const queue = connectQueue({
    rootUrl: config.rootURL,
    credentials: config,
    taskQueueId: `${config.provisionerId}/${config.workerType}`,
    workerGroup: config.workerGroup,
    workerId: config.workerId,
  });
  const machine = of('machine');
  await checkPort(config, machine);
  await checkPulse(config, of('Pulse'));
  await checkFolder('tasksDir', config, machine);
  await checkMachine(config, queue, secrets, machine);
  await checkFolder('cachesDir', config, machine);
  await checkFolder('downloadsDir', config, machine);
  await checkDisk(config, machine);
  await checkPrograms(machine);
  await checkTaskcluster(config, queue, of('Taskcluster'));
}

/** Loads the configuration, or reports each of its problems. */
function configured(
  sources: Sources,
  workingDirectory: string,
  findings: Findings,
): WorkerConfig | undefined {
  let loaded: LoadedConfig;
  try {
    loaded = loadSources(sources, workingDirectory);
  } catch (error) {
    reportFailure(error, findings);
    return undefined;
  }
  const { config, warnings } = loaded;
  const { provisionerId, workerType, workerGroup, workerId } = config;
  findings.ok(`complete: worker ${workerGroup}/${workerId} of the pool ${provisionerId}/${workerType}`);
  for (const { place, message } of warnings) findings.warn(`${place}: ${message}`);
  return config;
}
