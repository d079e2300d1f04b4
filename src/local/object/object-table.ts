import { isDeepStrictEqual } from 'node:util';

import { ApiError } from '../errors.ts';

export type Hashes = Readonly<Record<string, unknown>>;

/** What the object service knows of an object. Its content is elsewhere. */
export interface StoredObjectEntry {
  readonly name: string;
  readonly projectId: string;
  readonly uploadId: string;
  /** Milliseconds since the epoch. */
  readonly expires: number;
  readonly hashes: Hashes;
  /** Whether its upload has been finished: only then it is there for others. */
  readonly finished: boolean;
}

export interface ObjectTable {
  /** An object whose upload has been finished. */
  find(name: string): StoredObjectEntry | undefined;
  /**
   * Notes that an upload begins. The same again is no other upload.
   *
   * @throws ApiError `RequestConflict` when the name is taken by another
   */
  begin(upload: Omit<StoredObjectEntry, 'finished'>): StoredObjectEntry;
  /**
   * Notes that an upload is done, with what hashes came to be known by then. The same again changes nothing.
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
