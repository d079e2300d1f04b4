import type { ServiceError } from '../../taskcluster/index.ts';

/**
 * Shortens a message of the queue to one line. It names the missing scopes, but not the whole scope expression that
 * would satisfy the call.
 */
export function serviceErrorText({ message }: ServiceError): string {
  return message
    .replace(/\n+This request requires the client to satisfy[^]*?(?=( \(\d+\))?$)/, '')
    .replaceAll('```', ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
