import { Readable } from 'node:stream';

import { objectApi, type ObjectApi } from '../../taskcluster/index.ts';
import type { Clock } from '../clock.ts';
import { ApiError } from '../errors.ts';
import { createService, type Service } from '../http/api.ts';
import { ping } from '../http/ping.ts';
import type { ArtifactStorage } from '../storage/artifact-storage.ts';
import { storageKey, type SignedUrls } from '../storage/signed-urls.ts';
import { isoTime, parseTime } from '../times.ts';
import type { ObjectTable, StoredObjectEntry } from './object-table.ts';

interface ObjectServiceOptions {
  readonly objects: ObjectTable;
  readonly storage: ArtifactStorage;
  readonly urls: SignedUrls;
  readonly clock: Clock;
}

const MINUTE = 60_000;
/** How long an upload may start. */
const PUT_URL_LIFE = 45 * MINUTE;
const GET_URL_LIFE = 30 * MINUTE;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const bucket = 'object-bucket';

type UploadMethods = ObjectApi['createUpload']['input']['proposedUploadMethods'];

/** The object service, which stores artifacts of the storage type `object`. */
export function objectService({ objects, storage, urls, clock }: ObjectServiceOptions): Service {
  function find(name: string): StoredObjectEntry {
    const object = objects.find(name);
    if (!object) throw new ApiError('ResourceNotFound', `There is no object \`${name}\`.`);
    if (object.expires < clock.now()) throw new ApiError('ResourceExpired', `\`${name}\` has expired.`);
    return object;
  }

  /** Accepts the content, or names the place for it. If inline content is offered, that saves a request. */
  async function upload(name: string, { dataInline, putUrl }: UploadMethods) {
    if (dataInline) {
      if (!BASE64.test(dataInline.objectData)) {
        throw new ApiError('InputError', '`objectData` is not base64');
      }
      const content = Readable.from([Buffer.from(dataInline.objectData, 'base64')]);
      const { contentType } = dataInline;
      await storage.put(storageKey({ bucket, key: name }), content, { contentType });
      return { dataInline: true as const };
    }
    if (!putUrl) return {};
    const expires = clock.now() + PUT_URL_LIFE;
    return {
      putUrl: {
        url: urls.sign({ method: 'PUT', bucket, key: name }, expires),
        expires: isoTime(expires),
        headers: {
          'Content-Type': putUrl.contentType,
          'Content-Length': String(putUrl.contentLength),
          'Content-Encoding': 'identity',
        },
      },
    };
  }

  function urlOf(name: string): { url: string; expires: string } {
    const expires = clock.now() + GET_URL_LIFE;
    return { url: urls.sign({ method: 'GET', bucket, key: name }, expires), expires: isoTime(expires) };
  }

  return createService<ObjectApi>('object', objectApi, {
    ping,

    async createUpload({ params: { name }, body, authorize }) {
      const { projectId, uploadId, expires, hashes = {}, proposedUploadMethods } = body;
      await authorize({ name, projectId });
      const { finished } = objects.begin({ name, projectId, uploadId, expires: parseTime(expires), hashes });
      if (finished) throw new ApiError('RequestConflict', `The upload of \`${name}\` has been finished.`);
      const uploadMethod = await upload(name, proposedUploadMethods);
      return { projectId, uploadId, expires, uploadMethod };
    },

    async finishUpload({ params: { name }, body: { projectId, uploadId, hashes = {} }, authorize }) {
      await authorize({ name, projectId });
      if (!storage.find(storageKey({ bucket, key: name }))) {
        throw new ApiError('InputError', `Nothing has been uploaded for \`${name}\`.`);
      }
      objects.finish(name, projectId, uploadId, hashes);
      return {};
    },

    startDownload({ params: { name }, body: { acceptDownloadMethods } }) {
      const { hashes } = find(name);
      if (acceptDownloadMethods.getUrl) return { method: 'getUrl' as const, ...urlOf(name), hashes };
      if (acceptDownloadMethods.simple) return { method: 'simple' as const, url: urlOf(name).url };
      throw new ApiError('InputError', 'The object can be had by `getUrl` and by `simple` only.');
    },

    object({ params }) {
      const { projectId, expires, hashes } = find(params.name);
      return { projectId, expires: isoTime(expires), hashes };
    },

    download({ params: { name }, answerWith }) {
      find(name);
      answerWith(303, { location: urlOf(name).url });
      return {};
    },
  });
}
