import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { openCaches } from '../../../src/worker/stores/index.ts';
import type { Figure } from '../../figures/figure.ts';
import { rowOf } from '../../report/row.ts';
import { nowMs } from '../../setting/clock.ts';

const SIZES = { quick: { count: 1_000, rounds: 10 }, full: { count: 20_000, rounds: 50 } };
/** The size of the cache. Its files are sparse, because a rename does not read their content. */
const TOTAL_BYTES = 5e9;
const QUIET = { info: () => undefined, warn: console.warn };

/** A writable directory cache that is handed to a run and taken back, on one device. */
export const caches: Figure = {
  name: 'caches',
  async measure(setting) {
    const { count, rounds } = setting.quick ? SIZES.quick : SIZES.full;
    setting.say(`caches: ${count} files, ${rounds} times`);
    const runs = join(setting.folder, 'cache-runs');
    await mkdir(runs);
    await using store = await openCaches(join(setting.folder, 'caches'), {
      capacity: 1,
      emit: event => {
        console.error(event);
      },
    });
    const { signal } = new AbortController();
    const inAndOut = async (name: string, fill?: (path: string) => Promise<void>) => {
      const startedMs = nowMs();
      const cache = await store.take(name, join(runs, 'cache'), { log: QUIET, signal });
      const takenMs = nowMs();
      await fill?.(cache.path);
      const filledMs = nowMs();
      await cache.keep(signal);
      return nowMs() - filledMs + takenMs - startedMs;
    };
    await inAndOut('full', path => writeSparse(path, count));
    await inAndOut('empty');
    const samples: number[] = [];
    const baseline: number[] = [];
    for (let round = 0; round < rounds; round++) {
      samples.push(await inAndOut('full'));
      baseline.push(await inAndOut('empty'));
    }
    const figure = `cache of ${TOTAL_BYTES / 1e9} GB in ${count} files, in and out on one device, beside an empty one`;
    return [rowOf('median', { figure, samples, baseline }, { atMost: 10 })];
  },
};

async function writeSparse(folder: string, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    await using handle = await open(join(folder, String(index)), 'w');
    await handle.truncate(TOTAL_BYTES / count);
  }
}
