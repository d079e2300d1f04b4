import { randomBytes } from 'node:crypto';

/**
 * Returns a new name of 22 characters: a UUID of version 4 in URL-safe base64. It never begins with `-`, which
 * commands would take for an option.
 */
export function slugid(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('base64url');
}
