import { connect } from 'amqplib';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';

/** The machine and the versions used for the figures: enough to judge them, without identifying the machine. */
export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memoryGiB: number;
  readonly system: string;
  /**
   * The load average of the last minute before the benchmark. A value well above 0 means that other processes were
   * busy.
   */
  readonly loadBefore: number;
  readonly versions: Readonly<Partial<Record<keyof typeof NAMES, string>>>;
}

/** The programs that affect the figures, with their display names. */
const NAMES = { tcw: 'tcw', node: 'Node', rabbitmq: 'RabbitMQ', docker: 'Docker' } as const;

export async function describeMachine(pulseUrl: string): Promise<Machine> {
  return describeMachineWith({ rabbitmq: await rabbitmqVersion(pulseUrl) });
}

/** @param programs the versions of the programs used besides tcw and Node */
export function describeMachineWith(programs: Machine['versions']): Machine {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    readonly version: string;
  };
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    // The text after the numbers is a name that somebody chose, so it is cut off.
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
