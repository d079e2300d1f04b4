/**
 * Says that a service refuses the user's credentials, and how to correct them.
 *
 * @param service the service, at the beginning of a sentence
 * @param why the service's answer
 */
export function refusedCredentials(service: string, clientId: string, why: string): string {
  const correct = 'correct TASKCLUSTER_CLIENT_ID, TASKCLUSTER_ACCESS_TOKEN and TASKCLUSTER_CERTIFICATE';
  return `${service} refuses the credentials of ${clientId}: ${why}; ${correct}`;
}
