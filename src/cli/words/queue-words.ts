import type { ServiceError } from '../../taskcluster/index.ts';

/**
 * What the queue said, in one line: what is missing, but not the whole scope expression that would satisfy it.
 */
export function queueWords({ message }: ServiceError): string {
  return message
    .replace(/\n+This request requires the client to satisfy[^]*?(?=( \(\d+\))?$)/, '')
    .replaceAll('```', ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
