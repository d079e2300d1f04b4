import { join } from 'node:path';
import type { Figure } from '../../figures/figure.ts';
import { rowOf } from '../../report/row.ts';
import { writeTree } from '../setting/files.ts';
import { startStore } from '../setting/store.ts';
import { upload } from '../setting/upload.ts';

const SIZES = { quick: { count: 1_000, rounds: 2 }, full: { count: 5_000, rounds: 5 } };
const FILE_BYTES = 1_000;

/** The worker's CPU time for each small artifact: finding, opening, compressing, signing and uploading it. */
export const smallArtifacts: Figure = {
  name: 'small-artifacts',
  async measure(setting) {
    const { count, rounds } = setting.quick ? SIZES.quick : SIZES.full;
    setting.say(`small-artifacts: ${count} files, ${rounds} times`);
    const folder = join(setting.folder, 'small');
    await writeTree(join(folder, 'out'), count, FILE_BYTES);
    await using store = await startStore();
    const artifacts = [{ type: 'directory', path: 'out', name: 'public/out', optional: false }] as const;
    const samples: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const { cpuMs } = await upload({ rootUrl: store.url, folder, artifacts });
      samples.push(cpuMs / count);
    }
    const figure = "worker's processor time for each small artifact (gzip, sign, create, put)";
    return [rowOf('median', { figure, samples }, { atMost: 1.5 })];
  },
};
