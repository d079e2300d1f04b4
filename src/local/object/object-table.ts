import { isDeepStrictEqual } from 'node:util';

import { ApiError } from '../errors.ts';

export type Hashes = Readonly<Record<string, unknown>>;

/** The object service's record of an object. Its content is elsewhere. */
export interface StoredObjectEntry {
  readonly name: string;
  readonly projectId: string;
  readonly uploadId: string;
  /** Milliseconds since the epoch. */
  readonly expires: number;
  readonly hashes: Hashes;
  /** Whether its upload is finished. Only then do others see it. */
  readonly finished: boolean;
}

export interface ObjectTable {
  /** Returns an object whose upload is finished. */
  find(name: string): StoredObjectEntry | undefined;
  /**
   * Records the start of an upload. Repeating it changes nothing.
   *
   * @throws ApiError `RequestConflict` when the name is taken by another upload
   */
  begin(upload: Omit<StoredObjectEntry, 'finished'>): StoredObjectEntry;
  /**
   * Records the end of an upload, with its hashes. Repeating it changes nothing.
   *
   * @throws ApiError `ResourceNotFound` without such an upload, `RequestConflict` for other hashes than before
   */
  finish(name: string, projectId: string, uploadId: string, hashes: Hashes): void;
}

export function createObjectTable(): ObjectTable {
  const objects = new Map<string, StoredObjectEntry>();
  return {
    find(name) {
      const object = objects.get(name);
      return object?.finished === true ? object : undefined;
    },
    begin(upload) {
      const known = objects.get(upload.name);
      if (known && !isSameUpload(known, upload)) {
        throw new ApiError('RequestConflict', `There is an object \`${upload.name}\` already.`);
      }
      const object = {
        ...upload,
        hashes: merge(known?.hashes ?? {}, upload.hashes),
        finished: known?.finished ?? false,
      };
      objects.set(upload.name, object);
      return object;
    },
    finish(name, projectId, uploadId, hashes) {
      const object = objects.get(name);
      if (object?.projectId !== projectId || object.uploadId !== uploadId) {
        throw new ApiError('ResourceNotFound', `There is no upload ${uploadId} of \`${name}\`.`);
      }
      objects.set(name, { ...object, hashes: merge(object.hashes, hashes), finished: true });
    },
  };
}

function isSameUpload(one: StoredObjectEntry, other: Omit<StoredObjectEntry, 'finished'>): boolean {
  const identity = ({ projectId, uploadId, expires }: Omit<StoredObjectEntry, 'finished'>) => ({
    projectId,
    uploadId,
    expires,
  });
  return isDeepStrictEqual(identity(one), identity(other));
}

function merge(known: Hashes, more: Hashes): Hashes {
  const differing = Object.keys(more).find(name => Object.hasOwn(known, name) && known[name] !== more[name]);
  if (differing === undefined) return { ...known, ...more };
  throw new ApiError('RequestConflict', `The object has another ${differing} hash already.`);
}
