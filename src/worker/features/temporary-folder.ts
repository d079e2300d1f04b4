import { makeRunFolder, removeRunFolder } from '../files/run-folder.ts';
import { feature, serving } from './feature.ts';

/**
 * `TMPDIR`: a folder for temporary files of one run, so that runs do not share /tmp and leave nothing there. It
 * is beside the folder in which commands start, because that one must be empty: `git clone … .` requires it,
 * and its contents may be uploaded or kept in a cache.
 */
export const temporaryFolder = feature({
  name: 'TMPDIR',
  open: () =>
    serving<true>({
      // A container has its own /tmp.
      ask: ({ container, env }) => (!container && env.TMPDIR === undefined) || undefined,
      start: async (_, run) => {
        // Such a user has its own /tmp, which is removed with it.
        if (run.user) return { env: { TMPDIR: '/tmp' } };
        const folder = await makeRunFolder(run.beside('tmp'));
        return {
          env: { TMPDIR: folder.path },
          [Symbol.asyncDispose]: () => removeRunFolder(folder),
        };
      },
    }),
});
