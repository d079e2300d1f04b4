import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import type { Images, ImageSource } from '../container.ts';

/** What was asked of the images of a mock engine. */
export interface AskedImages {
  /** In the order in which they were asked for. */
  readonly wanted: ImageSource[];
  /** Ids of those that were not given back, once for each time that they were asked for. */
  readonly held: string[];
}

/** Has every image that anybody asks for. An id is the hash of a name, or of all bytes of an archive. */
export function mockImages(asked: AskedImages): Images {
  const known = new Set<string>();
  return {
    get: async (source, { signal }) => {
      asked.wanted.push(source);
      signal.throwIfAborted();
      const hash = createHash('sha256');
      if (source.kind === 'named') hash.update(source.name);
      else {
        await pipeline(await source.open(), hash, { signal });
        await source.verify?.();
      }
      const id = `sha256:${hash.digest('hex')}`;
      const isCached = known.has(id);
      known.add(id);
      asked.held.push(id);
      let isHeld = true;
      return {
        id,
        isCached,
        [Symbol.asyncDispose]: async () => {
          if (isHeld) asked.held.splice(asked.held.indexOf(id), 1);
          isHeld = false;
        },
      };
    },
  };
}
