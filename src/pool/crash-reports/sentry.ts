import { Secret } from '../../base/index.ts';
import { viaProxies } from '../../taskcluster/index.ts';
import type { ReportedError } from './reported-error.ts';

/** Where to send a project's events, read from its DSN. */
export interface SentryProject {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The parts of the DSN that must stay secret. */
  readonly keys: readonly Secret[];
}

/** A report of a crash. */
export interface SentryEvent {
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly at: Date;
  readonly level: 'fatal' | 'error';
  readonly version: string;
  readonly errors: readonly ReportedError[];
  readonly tags: Readonly<Record<string, string>>;
}

/**
 * Reads `https://<public key>[:<secret key>]@host[/path]/<project>` (develop.sentry.dev, "DSN").
 *
 * @throws Error without the DSN in its message, since the DSN is a secret
 */
export function readDsn(dsn: string, version: string): SentryProject {
  const url = URL.parse(dsn);
  const [, path = '', project] = /^(.*)\/(\w+)\/?$/.exec(url?.pathname ?? '') ?? [];
  if (!url || !/^https?:$/.test(url.protocol) || url.username === '' || project === undefined) {
    throw new Error('the auth service returned an unreadable Sentry DSN');
  }
  const key = `sentry_version=7, sentry_client=tcw/${version}, sentry_key=${url.username}`;
  const secret = url.password === '' ? '' : `, sentry_secret=${url.password}`;
  return {
    url: `${url.origin}${path}/api/${project}/envelope/`,
    headers: { 'content-type': 'application/x-sentry-envelope', 'x-sentry-auth': `Sentry ${key}${secret}` },
    keys: [url.username, url.password].map(word => new Secret(word)),
  };
}

/** Returns an envelope with one event: three lines of JSON (develop.sentry.dev, "Envelopes"). */
function envelope({ id, at, level, version, errors, tags }: SentryEvent): string {
  const event = JSON.stringify({
    event_id: id,
    timestamp: at.getTime() / 1_000,
    platform: 'node',
    level,
    logger: 'tcw',
    release: `tcw@${version}`,
    server_name: tags.workerId,
    tags,
    exception: {
      // Sentry expects the oldest error first: a cause comes before the error that it caused.
      values: errors.toReversed().map(({ type, message, frames }) => ({
        type,
        value: message,
        ...(frames.length > 0 && { stacktrace: { frames } }),
      })),
    },
  });
  const header = JSON.stringify({ event_id: id, sent_at: at.toJSON() });
  const item = JSON.stringify({ type: 'event', length: Buffer.byteLength(event) });
  return `${header}\n${item}\n${event}\n`;
}

/**
 * Sends an event. `@sentry/node` would do the same with 60 packages, hooks into every module, and its own handlers for
 * uncaught errors.
 *
 * @throws Error if Sentry does not accept the event
 */
export async function sendEvent(
  project: SentryProject,
  event: SentryEvent,
  signal: AbortSignal,
): Promise<void> {
  const { request } = await import('undici');
  const { url, headers } = project;
  const { statusCode, body } = await request(url, {
    method: 'POST',
    headers,
    body: envelope(event),
    signal,
    ...(await viaProxies()),
  });
  await body.dump();
  if (statusCode >= 300) throw new Error(`Sentry answered ${statusCode}`);
}
