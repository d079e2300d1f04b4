import { serviceCalls, taskCredentials, type ArtifactContentResponse } from '../../taskcluster/index.ts';

/** The artifact has no content: the run reported an error instead. */
export class NoContent extends Error {}

/**
 * Finds the URL of an artifact's content. The queue has already resolved link artifacts, and the URL needs no
 * credentials.
 *
 * @throws NoContent, or ServiceError when the object service does not answer
 */
export async function urlOfContent(content: ArtifactContentResponse, rootUrl: string): Promise<string> {
  if (content.storageType === 'error') throw new NoContent(`${content.reason}: ${content.message}`);
  if (content.storageType !== 'object') return content.url;
  const acceptDownloadMethods = { getUrl: true, simple: true } as const;
  const credentials = taskCredentials(content.credentials);
  const call = serviceCalls({ rootUrl });
  return (await call(credentials, 'object', 'startDownload', content.name, { acceptDownloadMethods })).url;
}

/** Whether a URL uses HTTP or HTTPS. A reference artifact may contain any URI. */
export function isWebUrl(url: string): boolean {
  return /^https?:$/.test(URL.parse(url)?.protocol ?? '');
}
