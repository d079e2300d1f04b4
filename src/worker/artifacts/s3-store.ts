import type { RunCalls } from '../../taskcluster/index.ts';
import { putFile, type Place } from '../files/put.ts';
import type { ArtifactStore, NewArtifact } from './store.ts';

/**
 * Stores artifacts of the storage type `s3`. The queue signs a URL for each. A URL may expire while an upload
 * waits for the store or for its turn. The queue then signs another one, with the run's present credentials.
 */
export function s3Store(calls: Pick<RunCalls, 'createArtifact'>): ArtifactStore {
  const signedUrl = async (artifact: NewArtifact, signal: AbortSignal): Promise<string> => {
    const { name, contentType, expires, contentLength } = artifact;
    const asked = { storageType: 's3', contentType, expires } as const;
    const request = contentLength === undefined ? asked : { ...asked, contentLength };
    const answer = await calls.createArtifact(name, request, signal);
    if (answer.storageType === 's3') return answer.putUrl;
    throw new Error(`asked for an s3 artifact, got ${answer.storageType}`);
  };
  return {
    takesGzip: true,
    create: async (artifact, signal) => {
      const url = await signedUrl(artifact, signal);
      return (upload, options) => {
        const headers = {
          'content-type': artifact.contentType,
          ...(upload.contentEncoding === 'gzip' && { 'content-encoding': 'gzip' }),
        };
        const placeAt = (at: string): Place => ({ url: at, headers });
        const freshPlace = async () => placeAt(await signedUrl(artifact, options.signal));
        return putFile(placeAt(url), upload, { ...options, freshPlace });
      };
    },
  };
}
