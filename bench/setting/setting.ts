import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startBroker } from '../../test/harness/broker.ts';
import { installTcw } from './installed.ts';
import { startQueue, type ObservedQueue } from './queue.ts';

/** The setting for all figures: a real RabbitMQ, and an embedded queue that publishes to it. */
export interface Setting {
  /** The URL for the user that workers connect as. */
  readonly pulseUrl: string;
  /** The URL for the user that the queue publishes as. */
  readonly queuePulseUrl: string;
  readonly brokerKind: string;
  readonly queue: ObservedQueue;
  /** The published program `tcw`. */
  readonly tcw: string;
  /** For folders of tasks; removed at the end. */
  readonly folder: string;
  /** Fewer samples, for a first look. */
  readonly quick: boolean;
  /**
   * Returns a worker type that no other run has used, because an external broker may still have the queues of an
   * earlier one.
   */
  newPool(name: string): string;
  /** Prints the progress for the user. */
  say(text: string): void;
}

/** Creates the setting, runs the callback with it, and always removes it. */
export async function withSetting<Result>(
  { quick, say }: Pick<Setting, 'quick' | 'say'>,
  use: (setting: Setting) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'tcw-bench-'));
  process.once('exit', () => {
    rmSync(folder, { recursive: true, force: true });
  });
  say('building tcw');
  const tcw = await installTcw(folder);
  say('starting a broker');
  const broker = await startBroker();
  try {
    await using queue = await startQueue(broker.queuePulseUrl);
    await warmUp(queue);
    return await use({
      pulseUrl: broker.pulseUrl,
      queuePulseUrl: broker.queuePulseUrl,
      brokerKind: broker.kind,
      queue,
      tcw,
      folder,
      quick,
      newPool: name => `${name}-${randomBytes(4).toString('hex')}`,
      say,
    });
  } finally {
    await broker.stop();
  }
}

/** Warms the queue up. The first calls of a new process are slow, and the queue of a deployment is not new. */
async function warmUp(queue: ObservedQueue): Promise<void> {
  for (let task = 0; task < 10; task++) {
    await queue.cancelTask(await queue.createTask('nobody-works-here', ['true']));
  }
}

/** Waits for a random time, in ms, so that nothing is in step with a period of something else. */
export async function randomPause(fromMs: number, toMs: number): Promise<void> {
  await sleep(fromMs + Math.random() * (toMs - fromMs));
}
