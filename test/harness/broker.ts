import { once } from 'node:events';
import { awaitLogins, type AccountUrls } from './accounts.ts';
import type { ControlCoordinates } from './broker-control.ts';
import { composeAnswers, startComposeBroker } from './compose.ts';
import { canInstallPackages, installPackage } from './install-package.ts';
import { findRabbitmqServer, startPrivateRabbitmq } from './private-rabbitmq.ts';
import { PATIENCE_MS } from '../patience.ts';

/** A real RabbitMQ with the two users of definitions.json. */
export interface Broker extends AccountUrls {
  /** Named by the environment, run by docker compose, or a private `rabbitmq-server`. */
  readonly kind: 'given' | 'compose' | 'private';
  /** For {@link brokerControl}. Undefined for a given broker, which the tests do not operate. */
  readonly control: ControlCoordinates | undefined;
  /** Ends the broker and removes its files. Does nothing to a given broker. */
  stop(): Promise<void>;
}

/**
 * Gets the broker that `TCW_TEST_PULSE_URL` and `TCW_TEST_QUEUE_PULSE_URL` name. Without these variables, it starts one
 * as {@link startOwnBroker} does.
 *
 * @throws Error that says what to set or to install
 */
export async function startBroker(): Promise<Broker> {
  return (await givenBroker()) ?? (await startOwnBroker());
}

/**
 * Starts a broker for the caller alone. A test may stop or block it, and delete its users. It runs in docker compose if
 * an engine answers, else as a `rabbitmq-server` on free ports. On Debian, as root, it installs RabbitMQ if needed.
 *
 * The broker ends with this process, however this process ends.
 *
 * @throws Error that says what was tried and what to install
 */
export async function startOwnBroker(): Promise<Broker> {
  const failures: string[] = [];
  if (await composeAnswers()) {
    try {
      return await startComposeBroker();
    } catch (error) {
      failures.push(`docker compose: ${messageOf(error)}`);
      console.error(`tcw: docker compose has started no broker; trying rabbitmq-server. ${messageOf(error)}`);
    }
  } else {
    failures.push('docker compose: not installed, or no engine answers');
  }

  try {
    if (findRabbitmqServer() === undefined && canInstallPackages()) await installPackage('rabbitmq-server');
    const server = findRabbitmqServer();
    if (server !== undefined) return await startPrivateRabbitmq(server);
    failures.push('rabbitmq-server: not installed');
  } catch (error) {
    failures.push(`rabbitmq-server: ${messageOf(error)}`);
  }
  throw new Error(
    [
      'No RabbitMQ for the tests. Install Docker with its compose plugin, or RabbitMQ (Debian: apt-get install',
      'rabbitmq-server; macOS: brew install rabbitmq), or set TCW_TEST_PULSE_URL and TCW_TEST_QUEUE_PULSE_URL',
      '(docs/testing.md). Tried:',
      ...failures.map(failure => `- ${failure}`),
    ].join('\n'),
  );
}

async function givenBroker(): Promise<Broker | undefined> {
  const { TCW_TEST_PULSE_URL: pulseUrl, TCW_TEST_QUEUE_PULSE_URL: queuePulseUrl } = process.env;
  if (!pulseUrl) return undefined;
  if (!queuePulseUrl) {
    throw new Error(
      'TCW_TEST_PULSE_URL is set, but TCW_TEST_QUEUE_PULSE_URL is not: the tests also need the URL of a second user, ' +
        'who owns the exchanges that Taskcluster would publish to (docs/testing.md).',
    );
  }
  await awaitLogins({ pulseUrl, queuePulseUrl }, PATIENCE_MS);
  return { kind: 'given', pulseUrl, queuePulseUrl, control: undefined, stop: async () => undefined };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

if (import.meta.main) {
  const broker = await startBroker();
  console.log(`export TCW_TEST_PULSE_URL=${broker.pulseUrl}`);
  console.log(`export TCW_TEST_QUEUE_PULSE_URL=${broker.queuePulseUrl}`);
  console.error(`A ${broker.kind} broker runs until Ctrl-C.`);
  const alive = setInterval(() => undefined, 60_000);
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  clearInterval(alive);
  await broker.stop();
}
