import type { QueueError } from '../queue/index.ts';

/**
 * What the queue said, in one line: what is missing, but not the whole scope expression that would satisfy it.
 */
export function queueWords({ message }: QueueError): string {
  return message
    .replace(/\n+This request requires the client to satisfy[^]*?(?=( \(\d+\))?$)/, '')
    .replaceAll('```', ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
