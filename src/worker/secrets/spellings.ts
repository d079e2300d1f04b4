import { urlDecoded } from '../../base/index.ts';
import { inBase64, inJson, inUrl } from './encodings.ts';

/** Shorter words would be found in innocent output. In bytes of UTF-8. */
export const SHORTEST_SECRET_BYTES = 8;

/**
 * The texts by which a secret of the worker is known: the secret, what in it is worth as much (the signature of a certificate, the password
 * of a URL), and each of these as it is written into a URL, into JSON and in base64. Nobody writes a whole certificate into a
 * URL.
 */
export function spellingsOf(secret: string): string[] {
  const signature = signatureOf(secret);
  const words = signature === undefined ? (passwordsOf(secret) ?? [secret]) : [signature];
  const spelled = inAllSpellings(words);
  return [...new Set(signature === undefined ? spelled : [secret, inJson(secret), ...spelled])];
}

/**
 * The texts by which a secret of a task is known. What it means is known only to the task, so that the whole of it is secret,
 * in every spelling, and also what in it is worth as much.
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

/** The password of a URL: as it is written, and as it is meant. Undefined for what is no URL. */
function passwordsOf(text: string): string[] | undefined {
  if (!text.includes('://') || !URL.canParse(text)) return undefined;
  const { password } = new URL(text);
  const written = /:\/\/[^/?#]*?:([^/?#]*)@/.exec(text)?.[1] ?? '';
  return [written, password, urlDecoded(password)];
}

/** Some services take a token in the place of the name, as `https://token@host/`. */
function usernamesOf(text: string): string[] | undefined {
  if (!text.includes('://') || !URL.canParse(text)) return undefined;
  const { username } = new URL(text);
  const written = /:\/\/([^/?#:@]*)[^/?#]*@/.exec(text)?.[1] ?? '';
  return [written, username, urlDecoded(username)];
}

/** A certificate of temporary credentials is JSON. Without its signature, the rest of it is worth nothing. */
function signatureOf(text: string): string | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const { signature } = JSON.parse(text) as { signature?: unknown };
    return typeof signature === 'string' ? signature : undefined;
  } catch {
    return undefined;
  }
}
