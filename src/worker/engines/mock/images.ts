import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import type { Images, ImageSource } from '../container.ts';

/** The requests for a mock engine's images. */
export interface AskedImages {
  /** In the order of the requests. */
  readonly wanted: ImageSource[];
  /** IDs of images in use, once for each request. */
  readonly held: string[];
}

/** Provides any image. Its ID is the hash of the name, or of the archive's bytes. */
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
