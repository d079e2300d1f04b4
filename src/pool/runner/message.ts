/**
 * The messages of worker-runner's protocol, as of Taskcluster 106 (`tools/workerproto` and `tools/worker-runner`): one JSON object
 * with a `type` on a line of its own, behind a tilde. Any other line is text.
 */
export interface Message {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** What both sides have to name before it is used. */
export type Capability = 'error-report' | 'graceful-termination' | 'log' | 'new-credentials' | 'shutdown';

/** Everything that this worker can do, sorted, as generic-worker names it. */
export const CAPABILITIES: readonly Capability[] = [
  'error-report',
  'graceful-termination',
  'log',
  'new-credentials',
  'shutdown',
];

/** One message as it is sent. */
export function lineOf(message: Message): string {
  return `~${JSON.stringify(message)}\n`;
}

/** The message of a line, or undefined for a line of text. */
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
