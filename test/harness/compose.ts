import { execa } from 'execa';
import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { accountUrls, awaitLogins } from './accounts.ts';
import type { Broker } from './broker.ts';
import { startLifeline } from './lifeline.ts';
import { PATIENCE_MS } from '../patience.ts';

const file = fileURLToPath(new URL('../../docker-compose.test.yml', import.meta.url));
const START_MS = 300_000; // the image may have to be pulled

/** Whether `docker compose` is installed and an engine answers. */
export async function composeAnswers(): Promise<boolean> {
  const asked = await Promise.all(
    [
      ['compose', 'version'],
      ['version', '--format', '{{.Server.Version}}'],
    ].map(args => execa('docker', args, { reject: false, timeout: 10_000 })),
  );
  return asked.every(({ failed }) => !failed);
}

/**
 * Starts the broker of docker-compose.test.yml as a separate project, on a port that the engine chooses.
 *
 * @throws Error with the output of docker compose if the broker does not start
 */
export async function startComposeBroker(): Promise<Broker> {
  const project = `tcw-test-${randomBytes(4).toString('hex')}`;
  const compose = ['compose', '--project-name', project, '--file', file];
  const folder = await mkdtemp(join(tmpdir(), 'tcw-broker-'));
  // A container does not end with the process that started it.
  const lifeline = startLifeline({
    processes: [],
    farewell: [{ command: 'docker', args: [...compose, 'down', '--volumes', '--timeout', '0'] }],
    log: join(folder, 'log'),
    folder,
  });
  try {
    await execa('docker', [...compose, 'up', '--detach', '--wait'], { timeout: START_MS });
    const { stdout } = await execa('docker', [...compose, 'port', 'rabbitmq', '5672']);
    const urls = accountUrls(portOf(stdout));
    await awaitLogins(urls, PATIENCE_MS, lifeline.ended);
    return {
      kind: 'compose',
      ...urls,
      control: {
        command: ['docker', ...compose, 'exec', '--no-TTY', 'rabbitmq', 'rabbitmqctl'],
        env: {},
        definitions: '/etc/rabbitmq/definitions.json',
      },
      stop: () => lifeline.cut(),
    };
  } catch (error) {
    await lifeline.cut();
    throw error;
  }
}

/** Parses the port in the output of `docker compose port`, such as `127.0.0.1:49153`. */
function portOf(answer: string): number {
  const port = /:(\d+)\s*$/.exec(answer)?.[1];
  if (port === undefined) throw new Error(`docker compose port answered ${JSON.stringify(answer)}`);
  return Number(port);
}
