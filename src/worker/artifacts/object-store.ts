import { createHash } from 'node:crypto';
import {
  ServiceError,
  taskCredentials,
  type CreateUploadRequest,
  type PostArtifactResponse,
  type RunCalls,
} from '../../taskcluster/index.ts';
import { putFile, type Place, type Upload } from '../files/put.ts';
import { retryRead } from '../files/retry-read.ts';
import { readWhole } from '../files/read-whole.ts';
import { TaskError } from '../outcome.ts';
import type { ArtifactStore, NewArtifact, StoringOptions } from './store.ts';

/** The largest content that the object service accepts inside the request itself. */
const INLINE_BYTES = 8_192;

type Created = Extract<PostArtifactResponse, { storageType: 'object' }>;

/**
 * Stores artifacts of the storage type `object`. The queue issues credentials for one upload to the object service.
 * The service accepts the content, or returns a URL to which it must be uploaded. Afterwards, both services are
 * informed that the upload is complete. The service has no content encodings, so content is stored as it is.
 */
export function objectStore(
  calls: Pick<RunCalls, 'createArtifact' | 'finishArtifact' | 'serviceAs'>,
): ArtifactStore {
  const create = async (artifact: NewArtifact, signal: AbortSignal): Promise<Created> => {
    const { name, contentType, expires } = artifact;
    // With a contentLength, the queue fails when the artifact is finished.
    const answer = await calls.createArtifact(name, { storageType: 'object', contentType, expires }, signal);
    if (answer.storageType === 'object') return answer;
    throw new Error(`asked for an object artifact, got ${answer.storageType}`);
  };
  /** @returns the destination of the content; undefined if the service already has it */
  const begin = async (
    { name, projectId, uploadId, expires, credentials }: Created,
    proposedUploadMethods: CreateUploadRequest['proposedUploadMethods'],
    signal: AbortSignal,
  ): Promise<Place | undefined> => {
    const call = calls.serviceAs(taskCredentials(credentials), signal);
    const request = { projectId, uploadId, expires, proposedUploadMethods };
    const { uploadMethod } = await call('object', 'createUpload', name, request);
    if (uploadMethod.dataInline) return undefined;
    if (uploadMethod.putUrl) return uploadMethod.putUrl;
    throw new TaskError(
      'resource-unavailable',
      'the object service accepts uploads neither inline nor by signed URL',
    );
  };
  const finish = async (
    { name, projectId, uploadId, credentials }: Created,
    sha256: string | undefined,
    signal: AbortSignal,
  ): Promise<void> => {
    const call = calls.serviceAs(taskCredentials(credentials), signal);
    const hashes = sha256 === undefined ? {} : { hashes: { sha256 } };
    await call('object', 'finishUpload', name, { projectId, uploadId, ...hashes });
  };
  return {
    takesGzip: false,
    create: async (artifact, signal) => {
      let created = await create(artifact, signal);
      return async (upload, options) => {
        const { content, size } = upload;
        const { contentType } = artifact;
        const putUrl = { contentType, contentLength: size };
        const whole =
          size <= INLINE_BYTES
            ? await retryRead(() => readWhole(content, size, options.signal), options.signal)
            : undefined;
        const dataInline = whole && { contentType, objectData: whole.toString('base64') };
        let sha256 = whole && createHash('sha256').update(whole).digest('hex');
        const place = await begin(created, dataInline ? { dataInline, putUrl } : { putUrl }, options.signal);
        if (place) {
          sha256 = await put(place, whole ? { ...upload, content: whole } : upload, options, async () => {
            created = await create(artifact, options.signal);
            const fresh = await begin(created, { putUrl }, options.signal);
            return fresh ?? place;
          });
        } else options.onSent?.(size);
        try {
          await finish(created, sha256, options.signal);
        } catch (error) {
          if (!(error instanceof ServiceError) || error.kind !== 'forbidden') throw error;
          // The upload took longer than its credentials are valid.
          created = await create(artifact, options.signal);
          await finish(created, sha256, options.signal);
        }
        await calls.finishArtifact(artifact.name, created.uploadId, options.signal);
        if (sha256 !== undefined) options.onDigest?.(sha256);
      };
    },
  };
}

/** @returns the SHA-256 of the uploaded content, in hexadecimal */
async function put(
  place: Place,
  upload: Upload,
  { signal, onSent, onTry }: StoringOptions,
  freshPlace: () => Promise<Place>,
): Promise<string | undefined> {
  let digest: string | undefined;
  const onDigest = (sha256: string) => {
    digest = sha256;
  };
  await putFile(place, upload, { signal, onSent, onTry, freshPlace, onDigest });
  return digest;
}
