import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startOwnBroker, type Broker } from '../../test/harness/broker.ts';
import { brokerControl, type BrokerControl } from '../../test/harness/broker-control.ts';
import type { Row } from '../report/row.ts';
import type { SettingOptions } from '../command.ts';

/** The setting for fleets: their own RabbitMQ, which may be stopped. */
export interface FleetSetting extends SettingOptions {
  readonly broker: Broker;
  readonly control: BrokerControl;
  /** For folders of tasks; removed at the end. */
  readonly folder: string;
  /** A worker type that no other figure has used. */
  newPool(name: string): string;
}

/** A part of the benchmark. */
export interface FleetFigure {
  readonly name: string;
  measure(setting: FleetSetting): Promise<Row[]>;
}

/** Creates the setting, runs the callback with it, and always removes it. */
export async function withSetting<Result>(
  options: SettingOptions,
  use: (setting: FleetSetting) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'tcw-bench-'));
  process.once('exit', () => {
    rmSync(folder, { recursive: true, force: true });
  });
  options.say('starting a broker');
  const broker = await startOwnBroker();
  try {
    if (broker.control === undefined) throw new Error('the broker cannot be controlled');
    return await use({
      ...options,
      broker,
      control: brokerControl(broker.control),
      folder,
      newPool: name => `${name}-${randomBytes(4).toString('hex')}`,
    });
  } finally {
    await broker.stop();
  }
}

/**
 * Returns the durations of tasks, in ms, with which this many workers at half load start about ten tasks per second.
 */
export function taskMsFor(workers: number): readonly [number, number] {
  const meanMs = Math.max(500, (workers / 2 / TASKS_A_SECOND) * 1_000);
  return [meanMs * 0.7, meanMs * 1.3];
}

/** The rate that the embedded queue can handle on two cores shared with workers and broker, with a margin. */
const TASKS_A_SECOND = 10;
