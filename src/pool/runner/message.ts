/**
 * A message of worker-runner's protocol, as of Taskcluster 106 (`tools/workerproto` and `tools/worker-runner`). It is a
 * JSON object with a `type`, on its own line, after a tilde. Any other line is text.
 */
export interface Message {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** A part of the protocol that both sides must announce before it is used. */
export type Capability = 'error-report' | 'graceful-termination' | 'log' | 'new-credentials' | 'shutdown';

/** All capabilities of this worker, sorted, under generic-worker's names. */
export const CAPABILITIES: readonly Capability[] = [
  'error-report',
  'graceful-termination',
  'log',
  'new-credentials',
  'shutdown',
];

/** Returns the line that is sent for a message. */
export function lineOf(message: Message): string {
  return `~${JSON.stringify(message)}\n`;
}

/** Returns the message in a line, or undefined for a line of text. */
export function messageOf(line: string): Message | undefined {
  const trimmed = line.trim();
  if (!trimmed.startsWith('~{') || !trimmed.endsWith('}')) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(trimmed.slice(1));
  } catch {
    return undefined;
  }
  return isMessage(value) ? value : undefined;
}

function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}
