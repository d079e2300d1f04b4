import { connect } from 'amqplib';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';

/** Where and with what the figures were taken: enough to judge them by, nothing that names the machine. */
export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memoryGiB: number;
  readonly system: string;
  /** How many processes wanted to run, on the average of the last minute before. Much above 0, and others were at work. */
  readonly loadBefore: number;
  readonly versions: Readonly<Partial<Record<keyof typeof NAMES, string>>>;
}

/** The programs that figures depend on, by what they are called. */
const NAMES = { tcw: 'tcw', node: 'Node', rabbitmq: 'RabbitMQ', docker: 'Docker' } as const;

export async function describeMachine(pulseUrl: string): Promise<Machine> {
  return describeMachineWith({ rabbitmq: await rabbitmqVersion(pulseUrl) });
}

/** @param programs the versions of those that were measured with, beside tcw and Node */
export function describeMachineWith(programs: Machine['versions']): Machine {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    readonly version: string;
  };
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    // What follows the numbers is a name that somebody gave.
    system: `${type()} ${/^[\d.]*\d/.exec(release())?.[0] ?? ''}`,
    loadBefore: loadavg()[0] ?? 0,
    versions: { tcw: version, node: process.versions.node, ...programs },
  };
}

export function inWords({ cores, processor, memoryGiB, system, loadBefore, versions }: Machine): string {
  const programs = Object.entries(versions).map(
    ([key, version]) => `${NAMES[key as keyof typeof NAMES]} ${version}`,
  );
  return (
    `${cores} cores (${processor}), ${memoryGiB} GiB, ${system}, load before ${loadBefore.toFixed(1)}; ` +
    programs.join(', ')
  );
}

async function rabbitmqVersion(url: string): Promise<string> {
  const model = await connect(url);
  const { version } = model.connection.serverProperties;
  await model.close();
  return version;
}
