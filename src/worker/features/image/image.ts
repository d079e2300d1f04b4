import { nameProblem } from '../../artifacts/name.ts';
import { ownSchemaPart } from '../../schema-part.ts';
import type { ImageSpec } from '../../task-spec.ts';
import { feature, serving } from '../feature.ts';

/** `image`: what the container is made of. It is there before the container is made, and stays until the run is over. */
export const image = feature({
  name: 'image',
  schema: { 'docker-worker': () => ownSchemaPart('docker-worker', 'image') },
  open: worker =>
    serving<ImageSpec>({
      needs: ['containers'],
      ask: ({ container }) => container?.image,
      check: wanted => {
        const problem = problemOf(wanted);
        return problem === undefined ? [] : [`image: ${problem}`];
      },
      start: async (wanted, run) => {
        // Loaded by the first task that has an image, and not with the configuration.
        const { imageFor } = await import('./image-for.ts');
        const { rootURL: rootUrl } = worker.config;
        const got = async () => {
          const found = await imageFor(wanted, run, { rootUrl, downloads: worker.downloads });
          run.certified.set('imageHash', found.held.id);
          const { archiveHash } = found;
          if (archiveHash !== undefined) run.certified.set('imageArtifactHash', `sha256:${archiveHash}`);
          return found.held;
        };
        let held = await got();
        const giveBack = () => held[Symbol.asyncDispose]();
        return {
          container: {
            image: held.id,
            imageAgain: async () => {
              run.log.warn('[image] The image was removed before its container was made: getting it again');
              await giveBack();
              held = await got();
              return held.id;
            },
          },
          [Symbol.asyncDispose]: giveBack,
        };
      },
    }),
});

function problemOf(wanted: ImageSpec): string | undefined {
  if (wanted.kind !== 'named') return nameProblem(wanted.artifact);
  // Which names a registry takes, the engine knows. Nothing else may look like one in a log or in a request.
  return /^[\x21-\x7e]{1,512}$/.test(wanted.name)
    ? undefined
    : `${JSON.stringify(wanted.name.slice(0, 100))} is not the name of an image`;
}
