import { randomUUID } from 'node:crypto';

/** A new name of 22 characters: a UUID of version 4 in URL-safe base64. */
export function slugid(): string {
  return Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url');
}
