import { withoutUrlPasswords } from '../../base/index.ts';
import type { LiveSecrets } from '../../worker/index.ts';

let known: Pick<LiveSecrets, 'hideInJson'> | undefined;

/** Hides the secrets of a command in the final messages of the process, for the rest of its life. */
export function hideInFinalMessages(secrets: Pick<LiveSecrets, 'hideInJson'>): void {
  known = secrets;
}

/**
 * Removes the known secrets from the message of a Failure. The authors of these messages leave passwords out of URLs; a
 * URL with a password in such a message is an example.
 */
export function withoutSecrets(text: string): string {
  return known ? (JSON.parse(known.hideInJson(JSON.stringify(text))) as string) : text;
}

/** Removes the known secrets and all passwords in URLs from the text of an unexpected error. */
export function withoutSecretsAndPasswords(text: string): string {
  return withoutUrlPasswords(withoutSecrets(text));
}
