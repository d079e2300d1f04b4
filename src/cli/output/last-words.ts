import { withoutUrlPasswords } from '../../base/index.ts';
import type { LiveSecrets } from '../../worker/index.ts';

let known: Pick<LiveSecrets, 'hideInJson'> | undefined;

/** Hides the secrets of a command in what the process says at its end, for as long as it lives. */
export function hideInLastWords(secrets: Pick<LiveSecrets, 'hideInJson'>): void {
  known = secrets;
}

/** What a command fails with, as it may be shown. Its author has left passwords out of URLs; examples have one. */
export function hidden(text: string): string {
  return known ? (JSON.parse(known.hideInJson(JSON.stringify(text))) as string) : text;
}

/** An error that nobody expected, as it may be shown. */
export function hiddenEverywhere(text: string): string {
  return withoutUrlPasswords(hidden(text));
}
