import { containerBody } from '../../../src/worker/engines/docker/containers/container-body.ts';
import { CommandContainer } from '../../../src/worker/engines/docker/containers/command-container.ts';
import { DEFAULT_TIMING } from '../../../src/worker/engines/docker/timing.ts';
import { once } from 'node:events';
import { rowOf } from '../../report/row.ts';
import { nowMs } from '../../setting/clock.ts';
import { endRun, ENV, openRun, runWell } from '../setting/runs.ts';
import type { EngineFigure, EngineSetting } from '../setting/setting.ts';

const SIZES = { quick: { megabytes: 50, rounds: 2 }, full: { megabytes: 200, rounds: 5 } };

/**
 * Sends the output of a command through the engine and discards it, compared with draining the stream of the engine's
 * API directly.
 */
export const output: EngineFigure = {
  name: 'output',
  async measure(setting) {
    const { megabytes, rounds } = setting.quick ? SIZES.quick : SIZES.full;
    const argv = ['dd', 'if=/dev/zero', 'bs=100000', `count=${megabytes * 10}`, 'status=none'];
    const rows = [];
    for (const tty of [true, false]) {
      const name = tty ? 'a terminal' : 'no terminal';
      const samples: number[] = [];
      const baseline: number[] = [];
      for (let round = 1; round <= rounds; round++) {
        setting.say(`output: ${name}, round ${round} of ${rounds}`);
        samples.push(await throughEngine(setting, argv, tty));
        baseline.push(await drained(setting, argv, tty));
      }
      const figure = `docker: ${megabytes} MB of output through the engine, ${name}, beside its stream drained`;
      rows.push(rowOf('median', { figure, samples, baseline }, { ratioAtLeast: 0.8 }));
    }
    return rows;
  },
};

async function throughEngine(setting: EngineSetting, argv: readonly string[], tty: boolean): Promise<number> {
  const startedMs = nowMs();
  const sandbox = await openRun(setting, { tty });
  await runWell(sandbox, argv);
  const wallMs = nowMs() - startedMs;
  await endRun(sandbox);
  return wallMs;
}

async function drained(
  { client, image }: EngineSetting,
  argv: readonly string[],
  tty: boolean,
): Promise<number> {
  const startedMs = nowMs();
  const making = { part: { image: image.id, tty }, limits: {}, labels: {} };
  const body = containerBody({ argv, env: ENV }, making);
  const container = await CommandContainer.create(client, body, DEFAULT_TIMING.createMs);
  const attached = await container.attach('output');
  attached.resume();
  await Promise.all([once(attached, 'close'), container.start(DEFAULT_TIMING.startMs)]);
  await container.ended();
  const wallMs = nowMs() - startedMs;
  await client.json({
    method: 'DELETE',
    path: `/containers/${container.id}`,
    query: { force: true, v: true },
  });
  return wallMs;
}
