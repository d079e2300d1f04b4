import hawk from 'hawk';

import type { LocalClient } from '../auth/temporary-credentials.ts';

/** How long a signed URL is valid. */
const LIFE_SECONDS = 15 * 60;

/**
 * Creates the queue's URLs for the latest artifacts of tasks. They are signed by a client unless everybody may
 * read the artifact.
 */
export function createArtifactUrls(
  rootUrl: () => string,
  { clientId, accessToken }: LocalClient,
): (taskId: string, name: string) => string {
  return (taskId, name) => {
    const url = `${rootUrl()}/api/queue/v1/task/${taskId}/artifacts/${encodeURIComponent(name)}`;
    if (name.startsWith('public/')) return url;
    const credentials = { id: clientId, key: accessToken.reveal(), algorithm: 'sha256' as const };
    return `${url}?bewit=${hawk.uri.getBewit(url, { credentials, ttlSec: LIFE_SECONDS })}`;
  };
}
