import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { unpackInto } from '../../../src/worker/unpack/index.ts';
import type { Figure } from '../../figures/figure.ts';
import { rowOf } from '../../report/row.ts';
import { nowMs } from '../../setting/clock.ts';
import { writeTree } from '../setting/files.ts';
import { timedShell } from '../setting/shell.ts';

const SIZES = { quick: { count: 2_000, rounds: 2 }, full: { count: 20_000, rounds: 3 } };
const FILE_BYTES = 100_000;

/** A read-only directory from an archive, compared with tar. */
export const unpack: Figure = {
  name: 'unpack',
  async measure(setting) {
    const { count, rounds } = setting.quick ? SIZES.quick : SIZES.full;
    const folder = join(setting.folder, 'unpack');
    const archive = join(setting.folder, 'unpack.tar.zst');
    await writeTree(join(folder, 'tree'), count, FILE_BYTES);
    await timedShell(`tar --zstd -cf ${archive} -C ${folder} tree`);
    const target = join(folder, 'target');
    const samples: number[] = [];
    const baseline: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      setting.say(`unpack: round ${round} of ${rounds}`);
      await mkdir(target);
      const startedMs = nowMs();
      await unpackInto(archive, 'tar.zst', target, { signal: new AbortController().signal });
      samples.push(nowMs() - startedMs);
      await rm(target, { recursive: true });
      await mkdir(target);
      baseline.push(await timedShell(`tar --zstd -xf ${archive} -C ${target}`));
      await rm(target, { recursive: true });
    }
    await rm(folder, { recursive: true });
    const megabytes = (count * FILE_BYTES) / 1e6;
    const figure = `directory of tar.zst, ${megabytes} MB in ${count} files, beside \`tar --zstd -x\``;
    return [rowOf('median', { figure, samples, baseline }, { ratioAtLeast: 0.8 })];
  },
};
