import hawk from 'hawk';

import type { LocalClient } from '../auth/temporary-credentials.ts';

/** A URL that is signed may be read for this long. */
const LIFE_SECONDS = 15 * 60;

/**
 * Makes the URLs at which the queue has the latest artifacts of tasks, signed in the name of a client where not
 * everybody may read them.
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
