import { join } from 'node:path';
import type { Figure } from '../../figures/figure.ts';
import { row } from '../../report/row.ts';
import { writeTree } from '../setting/files.ts';
import { startStore } from '../setting/store.ts';
import { upload } from '../setting/upload.ts';

const SIZES = { quick: { count: 1_000, loop: 50 }, full: { count: 10_000, loop: 300 } };
const FILE_BYTES = 1_000;
const DELAY_MS = 20;

/** A directory of many small files, uploaded to a server that delays each response. */
export const manyArtifacts: Figure = {
  name: 'many-artifacts',
  async measure(setting) {
    const { count, loop } = setting.quick ? SIZES.quick : SIZES.full;
    setting.say(`many-artifacts: ${count} files`);
    const folder = join(setting.folder, 'many');
    await writeTree(join(folder, 'out'), count, FILE_BYTES);
    await using store = await startStore({ delayMs: DELAY_MS });
    const artifacts = [{ type: 'directory', path: 'out', name: 'public/out', optional: false }] as const;
    const own = await upload({ rootUrl: store.url, folder, artifacts });
    const slow = await upload({ rootUrl: store.url, folder, artifacts, oneByOne: loop });
    const figure = `directory of ${count} small files, the server taking ${DELAY_MS} ms a request`;
    const baseline = (slow.wallMs / loop) * count;
    return [
      row(`${figure}, beside the one-by-one loop`, 'ms', own.wallMs, baseline, { ratioAtLeast: 8 }),
      row(`${figure}: growth of memory after the first fifth`, 'MB', own.growthMb, undefined, { atMost: 30 }),
    ];
  },
};
