import { withoutUrlSecrets } from '../../base/index.ts';
import type { LiveSecrets } from '../../worker/index.ts';

/** Removes secrets from a text, so that it may leave the machine. */
export type Scrub = (text: string) => string;

/** Length limit in characters. It is enough for any message, but not for a whole file that got into one. */
const LONGEST = 8_192;

/** These two match values after names of secrets: `accessToken: "…"`, `password=…`, `Authorization: Hawk …`. */
const NAMED =
  /((?:access[-_ ]?token|token|password|passwd|secret|api[-_ ]?key|signature|certificate|bewit|mac)["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&"'}]+)/gi;
const AUTHORIZATION = /\b(authorization["']?\s*[=:]\s*["']?|\b(?:hawk|bearer|basic)\s+)[^\n"'}]+/gi;

/**
 * Hides all secrets that the worker knows, in every encoding, and everything that looks like a secret. It cuts the text
 * only afterwards, because half of a secret would not be recognized.
 */
export function scrubber(secrets: Pick<LiveSecrets, 'hideInJson'>): Scrub {
  return text => {
    const known = JSON.parse(secrets.hideInJson(JSON.stringify(text))) as string;
    const scrubbed = withoutUrlSecrets(known)
      .replaceAll(AUTHORIZATION, '$1[redacted]')
      .replaceAll(NAMED, '$1[redacted]');
    return scrubbed.length > LONGEST ? `${scrubbed.slice(0, LONGEST)}…` : scrubbed;
  };
}
