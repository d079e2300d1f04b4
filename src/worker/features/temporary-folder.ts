import { makeRunFolder, removeRunFolder } from '../files/run-folder.ts';
import { feature, serving } from './feature.ts';

/**
 * `TMPDIR`: a folder for temporary files of one run, so that runs do not meet in /tmp and nothing stays there. It lies beside
 * the folder in which commands start, which has to be empty for them: `git clone … .` wants that, and whatever lies there may be
 * uploaded or kept in a cache.
 */
export const temporaryFolder = feature({
  name: 'TMPDIR',
  open: () =>
    serving<true>({
      // A container has a /tmp of its own.
      ask: ({ container, env }) => (!container && env.TMPDIR === undefined) || undefined,
      start: async (_, run) => {
        // Its /tmp is not the machine's, and goes with it.
        if (run.user) return { env: { TMPDIR: '/tmp' } };
        const folder = await makeRunFolder(run.beside('tmp'));
        return {
          env: { TMPDIR: folder.path },
          [Symbol.asyncDispose]: () => removeRunFolder(folder),
        };
      },
    }),
});
