import {
  serviceCalls,
  taskCredentials,
  type ArtifactContentResponse,
  type ServiceCall,
} from '../../../taskcluster/index.ts';
import type { DownloadRequest } from './download.ts';
import type { Located } from './fetch-content.ts';
import { NotDownloadable } from './http-get.ts';

/** How content is requested on behalf of a run. */
export interface Asking {
  readonly rootUrl: string;
  /** Calls services with the run's present credentials. */
  service(signal?: AbortSignal): ServiceCall;
}

/** Requests an artifact of the latest run of a task. */
export function artifactRequest(
  { taskId, artifact, sha256 }: { taskId: string; artifact: string; sha256?: string | undefined },
  asking: Asking,
): DownloadRequest {
  return {
    key: `artifact:${taskId}:${artifact}`,
    description: `task ${taskId} artifact ${artifact}`,
    sha256,
    isAsked: true,
    locate: async signal => {
      const content = await asking.service(signal)('queue', 'latestArtifact', taskId, artifact);
      return locationOf(content, asking.rootUrl, signal);
    },
  };
}

/**
 * Requests an artifact of the task that is in the index at present.
 *
 * @throws ServiceError when there is no such task
 */
export async function indexedRequest(
  { namespace, artifact }: { namespace: string; artifact: string },
  asking: Asking,
  signal: AbortSignal,
): Promise<DownloadRequest> {
  const { taskId } = await asking.service(signal)('index', 'findTask', namespace);
  return {
    ...artifactRequest({ taskId, artifact }, asking),
    description: `namespace ${namespace} artifact ${artifact}`,
  };
}

/** Requests the content of a URL. There is no access check: whoever knows the URL may have it. */
export function urlRequest({ url, sha256 }: { url: string; sha256?: string | undefined }): DownloadRequest {
  return {
    key: `urlcontent:${url}`,
    description: `url ${url}`,
    sha256,
    isAsked: false,
    locate: () => Promise.resolve({ url }),
  };
}

/**
 * Returns the location of an artifact's content. The queue has already resolved links.
 *
 * @throws NotDownloadable for an error artifact
 */
async function locationOf(
  content: ArtifactContentResponse,
  rootUrl: string,
  signal: AbortSignal,
): Promise<Located> {
  if (content.storageType === 'error') {
    throw new NotDownloadable(`the artifact is an error: ${content.reason}: ${content.message}`);
  }
  if (content.storageType !== 'object') return { url: content.url };
  const acceptDownloadMethods = { getUrl: true, simple: true } as const;
  const credentials = taskCredentials(content.credentials);
  const call = serviceCalls({ rootUrl, signal });
  const answer = await call(credentials, 'object', 'startDownload', content.name, { acceptDownloadMethods });
  return answer.method === 'getUrl' ? { url: answer.url, sha256: answer.hashes.sha256 } : { url: answer.url };
}
