import { nameProblem } from '../../artifacts/name.ts';
import { ownSchemaPart } from '../../schema-part.ts';
import type { ImageSpec } from '../../task-spec.ts';
import { feature, serving } from '../feature.ts';

/**
 * `image`: the image of the container. It is provided before the container is created, and kept until the run
 * is over.
 */
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
        // Loaded by the first task with an image, not with the configuration.
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
              run.log.warn(
                '[image] The image was removed before its container was created: pulling it again',
              );
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
  // The engine knows which names a registry accepts. This rule keeps anything else out of logs and requests.
  return /^[\x21-\x7e]{1,512}$/.test(wanted.name)
    ? undefined
    : `${JSON.stringify(wanted.name.slice(0, 100))} is not the name of an image`;
}
