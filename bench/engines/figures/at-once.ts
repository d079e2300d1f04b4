import { rowOf } from '../../report/row.ts';
import { nowMs } from '../../setting/clock.ts';
import { docker, dockerRun } from '../setting/command-line.ts';
import { endRun, openRun, runWell } from '../setting/runs.ts';
import type { EngineFigure, EngineSetting } from '../setting/setting.ts';

const ROUNDS = { quick: 2, full: 8 };
const CONTAINERS = 8;
const NOTHING = ['true'];

/** Starts several containers at the same time. Measures the time until all of them are removed. */
export const atOnce: EngineFigure = {
  name: 'at-once',
  async measure(setting) {
    const rounds = setting.quick ? ROUNDS.quick : ROUNDS.full;
    const samples: number[] = [];
    const baseline: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      setting.say(`at-once: round ${round} of ${rounds}`);
      samples.push(await all(() => ofEngine(setting)));
      baseline.push(
        await all(index => ofCommandLine(setting, `tcw-bench-once-${process.pid}-${round}-${index}`)),
      );
    }
    const figure = `docker: ${CONTAINERS} containers of \`true\` at once, beside \`docker run\` and \`docker rm\``;
    return [rowOf('median', { figure, samples, baseline }, { ratioAtLeast: 1.11 })];
  },
};

async function all(one: (index: number) => Promise<unknown>): Promise<number> {
  const startedMs = nowMs();
  await Promise.all(Array.from({ length: CONTAINERS }, (_, index) => one(index)));
  return nowMs() - startedMs;
}

async function ofEngine(setting: EngineSetting): Promise<void> {
  const sandbox = await openRun(setting);
  await runWell(sandbox, NOTHING);
  await endRun(sandbox);
}

async function ofCommandLine({ host, image }: EngineSetting, name: string): Promise<void> {
  await dockerRun(host, { name, image: image.id, argv: NOTHING }).endedMs;
  await docker(host, ['rm', '--force', name]);
}
