/** Shorter words would be found in innocent output. In bytes of UTF-8. */
export const SHORTEST_SECRET_BYTES = 8;

/**
 * The texts by which a secret is known: the secret, what in it is worth as much (the signature of a certificate, the password
 * of a URL), and each of these as it is written into a URL and into JSON. Nobody writes a whole certificate into a URL.
 */
export function spellingsOf(secret: string): string[] {
  const signature = signatureOf(secret);
  const words = signature === undefined ? (passwordsOf(secret) ?? [secret]) : [signature];
  const spelled = words.filter(isLong).flatMap(word => [word, inUrl(word), inJson(word)]);
  return [...new Set(signature === undefined ? spelled : [secret, inJson(secret), ...spelled])];
}

function isLong(word: string): boolean {
  return Buffer.byteLength(word) >= SHORTEST_SECRET_BYTES;
}

/** A text as it is written into a string of JSON. */
export function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function inUrl(text: string): string {
  // Half of a surrogate pair is in no URL.
  return text.isWellFormed() ? encodeURIComponent(text) : text;
}

/** Of a URL only the password is secret: as it is written, and as it is meant. Undefined for what is no URL. */
function passwordsOf(text: string): string[] | undefined {
  if (!text.includes('://') || !URL.canParse(text)) return undefined;
  const { password } = new URL(text);
  const written = /:\/\/[^/?#]*?:([^/?#]*)@/.exec(text)?.[1] ?? '';
  return [written, password, decoded(password)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
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
