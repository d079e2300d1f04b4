import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Figure } from '../../figures/figure.ts';
import { rowOf, type Row } from '../../report/row.ts';
import { writeText } from '../setting/files.ts';
import { timedShell } from '../setting/shell.ts';
import { startStore } from '../setting/store.ts';
import { upload } from '../setting/upload.ts';

const SIZES = { quick: { bytes: 200e6, rounds: 2 }, full: { bytes: 1e9, rounds: 5 } };

/** One large file, uncompressed and compressed, compared with curl. */
export const largeArtifact: Figure = {
  name: 'large-artifact',
  async measure(setting) {
    const { bytes, rounds } = setting.quick ? SIZES.quick : SIZES.full;
    const folder = join(setting.folder, 'large');
    await mkdir(folder);
    const file = join(folder, 'file.txt');
    await writeText(file, bytes);
    await using store = await startStore();
    const url = `${store.url}/bucket/key`;
    const rows: Row[] = [];
    for (const { contentEncoding, name, script, ratioAtLeast } of [
      {
        contentEncoding: 'identity',
        name: '`curl -T`',
        script: `curl -sSf -T ${file} ${url}`,
        ratioAtLeast: 0.8,
      },
      {
        contentEncoding: 'gzip',
        name: '`gzip -6 | curl -T -`',
        script: `gzip -6 -c ${file} | curl -sSf -T - ${url}`,
        ratioAtLeast: 0.9,
      },
    ] as const) {
      const samples: number[] = [];
      const baseline: number[] = [];
      const growth: number[] = [];
      const artifacts = [
        { type: 'file', path: 'file.txt', name: 'public/file', optional: false, contentEncoding },
      ] as const;
      for (let round = 1; round <= rounds; round++) {
        setting.say(`large-artifact: ${contentEncoding}, round ${round} of ${rounds}`);
        const { wallMs, growthMb } = await upload({ rootUrl: store.url, folder, artifacts });
        samples.push(wallMs);
        growth.push(growthMb);
        baseline.push(await timedShell(script));
      }
      const figure = `${bytes / 1e6} MB file artifact, ${contentEncoding}`;
      rows.push(
        rowOf('median', { figure: `${figure}, beside ${name}`, samples, baseline }, { ratioAtLeast }),
        rowOf(
          'median',
          { figure: `${figure}: growth of memory after the first fifth`, unit: 'MB', samples: growth },
          { atMost: 30 },
        ),
      );
    }
    return rows;
  },
};
