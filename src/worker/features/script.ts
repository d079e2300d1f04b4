import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { feature, serving } from './feature.ts';

/** Creates the folder for artifacts of tasks that a script runs, so that it always exists. */
export const script = feature({
  name: 'script',
  open: () =>
    serving<readonly string[]>({
      ask: ({ format, artifacts }) => (format === 'script' ? artifacts.map(({ path }) => path) : undefined),
      start: async (folders, { home }) => {
        for (const folder of folders) await mkdir(join(home.path, folder));
        return {};
      },
    }),
});
