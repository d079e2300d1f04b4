import type { LiveSecrets } from '../../../worker/index.ts';
import type { Sources } from '../../config/read.ts';
import { ownConfig, type OwnConfig } from '../../registration/provider-of.ts';
import { reportFailure } from './report-failure.ts';
import { checkDisk, checkFolder } from './check-folders.ts';
import { checkPrograms } from './check-machine.ts';
import { checkAnswers } from './check-taskcluster.ts';
import type { Findings, Group } from './findings.ts';

/**
 * Checks a worker that registers with worker-manager, as far as possible without registering it. A registration returns
 * credentials only once, and the pool's configuration comes with them.
 */
export async function checkRegistered(
  sources: Sources,
  workingDirectory: string,
  secrets: LiveSecrets,
  of: (group: Group) => Findings,
): Promise<void> {
  const configuration = of('configuration');
  let own: OwnConfig;
  try {
    own = ownConfig(sources, workingDirectory);
  } catch (error) {
    reportFailure(error, configuration);
    return;
  }
  secrets.addAllOf(own);
  configuration.ok(`complete for a worker that registers by its provider ${own.provider}`);
  configuration.skip("the worker pool's own settings, which come with the registration");
  const machine = of('machine');
  for (const property of ['tasksDir', 'cachesDir', 'downloadsDir'] as const)
    await checkFolder(property, own, machine);
  await checkDisk(own, machine);
  await checkPrograms(machine);
  machine.skip("engines and features: the worker pool's settings may choose them");
  const taskcluster = of('Taskcluster');
  if (own.rootURL !== undefined) await checkAnswers(own.rootURL, taskcluster);
  taskcluster.skip('the registration itself, and the credentials and scopes that it gives');
  of('Pulse').skip("the connection: the worker pool's settings may name the broker");
}
