import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Secret } from '../../../src/base/index.ts';
import { openDownloads, urlRequest } from '../../../src/worker/stores/index.ts';
import type { Figure } from '../../figures/figure.ts';
import { rowOf } from '../../report/row.ts';
import { nowMs } from '../../setting/clock.ts';
import { timedShell } from '../setting/shell.ts';
import { startStore } from '../setting/store.ts';

const SIZES = { quick: { bytes: 200e6, rounds: 2 }, full: { bytes: 1e9, rounds: 5 } };
const QUIET = { info: () => undefined, warn: () => undefined, error: console.error };

/** The content of a mount by URL: first downloaded and hashed, then taken from the download store. */
export const download: Figure = {
  name: 'download',
  async measure(setting) {
    const { bytes, rounds } = setting.quick ? SIZES.quick : SIZES.full;
    const folder = join(setting.folder, 'downloads');
    const first: number[] = [];
    const second: number[] = [];
    const baseline: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      setting.say(`download: round ${round} of ${rounds}`);
      {
        await using store = await startStore();
        const url = `${store.url}/bytes/${bytes}`;
        await using downloads = await openDownloads(folder, { secret: new Secret('x') });
        const get = async () => {
          const startedMs = nowMs();
          const run = { signal: new AbortController().signal, log: QUIET };
          await using found = await downloads.get(urlRequest({ url }), run);
          if (found.bytes !== bytes) throw new Error(`got ${found.bytes} bytes`);
          return nowMs() - startedMs;
        };
        first.push(await get());
        const file = join(setting.folder, 'curl');
        baseline.push(await timedShell(`curl -sSf -o ${file} ${url} && sha256sum ${file} && rm ${file}`));
        // With the server stopped, nothing can be downloaded again.
        await store[Symbol.asyncDispose]();
        second.push(await get());
      }
      await rm(folder, { recursive: true });
    }
    const figure = `${bytes / 1e6} MB mounted by URL`;
    return [
      rowOf(
        'median',
        { figure: `${figure}, beside \`curl -o\` and \`sha256sum\``, samples: first, baseline },
        { ratioAtLeast: 0.8 },
      ),
      rowOf('median', { figure: `${figure} again, with its server gone`, samples: second }),
    ];
  },
};
