import { withoutUrlPasswords } from '../../base/index.ts';
import type { LiveSecrets } from '../../worker/index.ts';

/** Makes a text one that may leave the machine. */
export type Scrub = (text: string) => string;

/** In characters: enough for any message, and no whole file that got into one. */
const LONGEST = 8_192;

/** Values that go by the name of a secret, as programs write them: `accessToken: "…"`, `password=…`, `Authorization: Hawk …`. */
const NAMED =
  /((?:access[-_ ]?token|token|password|passwd|secret|api[-_ ]?key|signature|certificate|bewit|mac)["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&"'}]+)/gi;
const AUTHORIZATION = /\b(authorization["']?\s*[=:]\s*["']?|\b(?:hawk|bearer|basic)\s+)[^\n"'}]+/gi;
/** Keys of signed URLs are in their query. */
const QUERY = /(\b[a-z][a-z\d+.-]*:\/\/[^\s?"'<>]*)\?[^\s"'<>]*/gi;

/**
 * Hides all secrets that the worker knows, in every spelling, and what looks like one. It hides first and cuts then: half of a secret
 * would not be recognised.
 */
export function scrubber(secrets: Pick<LiveSecrets, 'hideInJson'>): Scrub {
  return text => {
    const known = JSON.parse(secrets.hideInJson(JSON.stringify(text))) as string;
    const scrubbed = withoutUrlPasswords(known)
      .replaceAll(QUERY, '$1?[redacted]')
      .replaceAll(AUTHORIZATION, '$1[redacted]')
      .replaceAll(NAMED, '$1[redacted]');
    return scrubbed.length > LONGEST ? `${scrubbed.slice(0, LONGEST)}…` : scrubbed;
  };
}
