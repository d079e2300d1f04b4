/**
 * Matches the user and password of a URL, except those of our examples. Queues show patterns of URLs in their messages,
 * such as `^(https?://|git@)`, which are not matched.
 */
const USER = /:\/\/(?!user:password@|[|()[\]])[^\s/?#"'<>]+@/g;
/** Matches what may be a URL. A longer expression for URLs would take quadratic time for some texts. */
const MAYBE_URL = /[^\s"<>]+/g;

/** Redacts the passwords of the URLs in a text: `amqps://worker:[redacted]@host`. */
export function withoutUrlPasswords(text: string): string {
  // Matching the scheme too would take quadratic time for long texts such as "a.a.a.a".
  return text.replace(/(:\/\/[^\s:@/"']*):[^\s/"']+@/g, '$1:[redacted]@');
}

/**
 * Redacts everything in the URLs of a text that may be a secret: the password, the user, which may be a token
 * (`https://<token>@github.com`), and the query, which contains the key of a signed URL.
 */
export function withoutUrlSecrets(text: string): string {
  return text.replaceAll(USER, '://[redacted]@').replaceAll(MAYBE_URL, withoutQuery);
}

function withoutQuery(text: string): string {
  const authority = text.indexOf('://');
  const query = authority < 0 ? -1 : text.indexOf('?', authority);
  if (query < 0 || query === text.length - 1) return text;
  // A query may contain quotes, but the last one belongs to the message.
  return `${text.slice(0, query)}?[redacted]${text.endsWith("'") ? "'" : ''}`;
}
