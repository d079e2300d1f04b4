import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startOwnBroker, type Broker } from '../../test/harness/broker.ts';
import { brokerControl, type BrokerControl } from '../../test/harness/broker-control.ts';
import type { Row } from '../report/row.ts';
import type { SettingOptions } from '../command.ts';

/** Where fleets are measured: a RabbitMQ of their own, which may be stopped. */
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

/** Makes the setting, uses it, and takes it down whatever happens. */
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

/** Durations of tasks, in ms, with which so many workers at half load start about ten tasks a second. */
export function taskMsFor(workers: number): readonly [number, number] {
  const meanMs = Math.max(500, (workers / 2 / TASKS_A_SECOND) * 1_000);
  return [meanMs * 0.7, meanMs * 1.3];
}

/** What the embedded queue can do on two cores beside workers and broker, with room to spare. */
const TASKS_A_SECOND = 10;
