import { randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { accountUrls, awaitLogins } from './accounts.ts';
import type { Broker } from './broker.ts';
import { startLifeline } from './lifeline.ts';
import { freePorts } from './ports.ts';

const definitions = fileURLToPath(new URL('definitions.json', import.meta.url));
const START_MS = 90_000;

/** The path of RabbitMQ's start script; undefined if RabbitMQ is not installed. */
export function findRabbitmqServer(): string | undefined {
  // Debian's wrapper in /usr/sbin changes the user and the log files. The script that it starts does neither.
  const packaged = '/usr/lib/rabbitmq/bin/rabbitmq-server';
  return existsSync(packaged) ? packaged : onPath('rabbitmq-server');
}

/**
 * Starts a private RabbitMQ. Clients, Erlang's distribution and its port mapper get free ports of 127.0.0.1. Everything
 * that RabbitMQ writes is in one temporary folder.
 *
 * @param plugins names of plugins that come with RabbitMQ, such as `rabbitmq_shovel`
 * @throws Error with the last lines of its log if it does not start
 */
export async function startPrivateRabbitmq(server: string, plugins: readonly string[] = []): Promise<Broker> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await tryToStart(server, plugins);
    } catch (error) {
      // Another process may take a port after it was found free and before RabbitMQ opens it.
      if (attempt === 3 || !/eaddrinuse|in use/i.test(String(error))) throw error;
    }
  }
}

async function tryToStart(server: string, plugins: readonly string[]): Promise<Broker> {
  const folder = await mkdtemp(join(tmpdir(), 'tcw-broker-'));
  const [amqpPort = 0, distributionPort = 0, epmdPort = 0] = await freePorts(3);
  const nodeName = `tcw-test-${randomBytes(4).toString('hex')}@localhost`;
  const env = environment(folder, nodeName, distributionPort, epmdPort);
  await writeFile(join(folder, 'rabbitmq.conf'), configuration(amqpPort));
  await writeFile(join(folder, 'enabled_plugins'), `[${plugins.join(',')}].\n`);
  await writeFile(join(folder, '.erlang.cookie'), randomBytes(16).toString('hex'), { mode: 0o400 });

  const epmd = onPath('epmd');
  if (epmd === undefined) {
    await rm(folder, { recursive: true });
    throw new Error('epmd, which belongs to Erlang, is not on the PATH');
  }
  const lifeline = startLifeline({
    processes: [
      { command: epmd, args: [], env },
      { command: server, args: [], env },
    ],
    farewell: [],
    log: join(folder, 'broker.log'),
    folder,
  });
  const urls = accountUrls(amqpPort);
  try {
    await awaitLogins(urls, START_MS, lifeline.ended);
  } catch (error) {
    await lifeline.cut();
    throw error;
  }
  return {
    kind: 'private',
    ...urls,
    control: { command: [join(dirname(server), 'rabbitmqctl')], env, definitions },
    stop: () => lifeline.cut(),
  };
}

function configuration(amqpPort: number): string {
  return [
    `listeners.tcp.1 = 127.0.0.1:${amqpPort}`,
    `load_definitions = ${definitions}`,
    // A nearly full disk or memory would block every publisher, which would look like a bug in tcw.
    'disk_free_limit.absolute = 1MB',
    'vm_memory_high_watermark.relative = 0.8',
    '',
  ].join('\n');
}

/** The complete environment of the server, epmd and rabbitmqctl. It contains nothing of the machine's own RabbitMQ. */
function environment(folder: string, nodeName: string, distributionPort: number, epmdPort: number) {
  return {
    PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
    HOME: folder, // where Erlang looks for its cookie
    LANG: 'C.UTF-8',
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(epmdPort),
    // For every Erlang process, including the short-lived ones that RabbitMQ and rabbitmqctl start. Erlang itself would
    // start epmd as a daemon, which would outlive everything else.
    ERL_FLAGS: '-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}',
    ERL_CRASH_DUMP: join(folder, 'erl_crash.dump'),
    // Makes the start script become the server, so that its parent sees the end of the server.
    RUNNING_UNDER_SYSTEMD: 'true',
    RABBITMQ_NODENAME: nodeName,
    RABBITMQ_DIST_PORT: String(distributionPort),
    // rabbitmqctl listens, too. With 0 the system chooses the port, so that any number of them can run in parallel.
    RABBITMQ_CTL_DIST_PORT_MIN: '0',
    RABBITMQ_CTL_DIST_PORT_MAX: '0',
    RABBITMQ_CONF_ENV_FILE: join(folder, 'rabbitmq-env.conf'),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, 'advanced.config'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_PID_FILE: join(folder, 'pid'),
  };
}

function onPath(program: string): string | undefined {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter(folder => folder !== '')
    .map(folder => join(folder, program))
    .find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
