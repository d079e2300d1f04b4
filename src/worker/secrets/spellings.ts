import { urlDecoded } from '../../base/index.ts';
import { inBase64, inJson, inUrl } from './encodings.ts';

/** Shorter words would be found in innocent output. In bytes of UTF-8. */
export const SHORTEST_SECRET_BYTES = 8;

/**
 * Returns the texts that reveal a secret of the worker: the secret, the sensitive part of it (the signature of
 * a certificate, the password of a URL), and each of these as it appears in URLs, in JSON and in base64. A
 * whole certificate does not appear in URLs.
 */
export function spellingsOf(secret: string): string[] {
  const signature = signatureOf(secret);
  const words = signature === undefined ? (passwordsOf(secret) ?? [secret]) : [signature];
  const spelled = inAllSpellings(words);
  return [...new Set(signature === undefined ? spelled : [secret, inJson(secret), ...spelled])];
}

/**
 * Returns the texts that reveal a secret of a task. Only the task knows the meaning of its secret, so the whole
 * is hidden in every encoding, and so are sensitive parts.
 */
export function spellingsOfWhole(secret: string): string[] {
  const parts = [signatureOf(secret), ...(passwordsOf(secret) ?? []), ...(usernamesOf(secret) ?? [])];
  return [...new Set(inAllSpellings([secret, ...parts.filter(part => part !== undefined)]))];
}

function inAllSpellings(words: readonly string[]): string[] {
  return [...new Set(words)]
    .filter(isLong)
    .flatMap(word => [word, inJson(word), ...inUrl(word), ...inBase64(word)]);
}

function isLong(word: string): boolean {
  return Buffer.byteLength(word) >= SHORTEST_SECRET_BYTES;
}

/** Returns the password of a URL, both escaped and unescaped. Undefined for a text that is not a URL. */
function passwordsOf(text: string): string[] | undefined {
  if (!text.includes('://') || !URL.canParse(text)) return undefined;
  const { password } = new URL(text);
  const written = /:\/\/[^/?#]*?:([^/?#]*)@/.exec(text)?.[1] ?? '';
  return [written, password, urlDecoded(password)];
}

/** Some services accept a token in place of the user name, as in `https://token@host/`. */
function usernamesOf(text: string): string[] | undefined {
  if (!text.includes('://') || !URL.canParse(text)) return undefined;
  const { username } = new URL(text);
  const written = /:\/\/([^/?#:@]*)[^/?#]*@/.exec(text)?.[1] ?? '';
  return [written, username, urlDecoded(username)];
}

/** A certificate of temporary credentials is JSON. Without its signature, the rest is worthless. */
function signatureOf(text: string): string | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const { signature } = JSON.parse(text) as { signature?: unknown };
    return typeof signature === 'string' ? signature : undefined;
  } catch {
    return undefined;
  }
}
