import { serviceCalls, taskCredentials, type ArtifactContentResponse } from '../../taskcluster/index.ts';

/** An artifact whose content cannot be had: the run reported an error in its place. */
export class NoContent extends Error {}

/**
 * Finds the URL of an artifact's content. The queue has followed links already, and the URL needs no credentials.
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

/** Whether a URL can be fetched: an artifact may be a reference to any URI. */
export function isWebUrl(url: string): boolean {
  return /^https?:$/.test(URL.parse(url)?.protocol ?? '');
}
