import { withoutUrlSecrets } from '../../base/index.ts';
import type { LiveSecrets } from '../../worker/index.ts';

let known: Pick<LiveSecrets, 'hideInJson'> | undefined;

/** Hides the secrets of a command in the final messages of the process, for the rest of its life. */
export function hideInFinalMessages(secrets: Pick<LiveSecrets, 'hideInJson'>): void {
  known = secrets;
}

/** Removes the known secrets, and everything in URLs that may be a secret. */
export function withoutSecrets(text: string): string {
  return withoutUrlSecrets(known ? (JSON.parse(known.hideInJson(JSON.stringify(text))) as string) : text);
}
