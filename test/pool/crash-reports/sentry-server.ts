import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

export interface TakenEvent {
  readonly path: string;
  readonly auth: string;
  /** Of the header of the envelope, of its item, and of the event. */
  readonly parts: readonly Record<string, unknown>[];
  /** As it came. */
  readonly body: string;
}

/** Takes the place of Sentry, and refuses what Sentry would: no key, no envelope, another length than was said. */
export async function sentryServer(answer = 200) {
  const taken: TakenEvent[] = [];
  const server = createServer((request, response) => {
    void text(request).then(body => {
      const auth = String(request.headers['x-sentry-auth']);
      const lines = body.trimEnd().split('\n');
      const parts = lines.map(line => JSON.parse(line) as Record<string, unknown>);
      const isGood =
        request.method === 'POST' &&
        request.headers['content-type'] === 'application/x-sentry-envelope' &&
        /^Sentry sentry_version=7, .*sentry_key=key-of-sentry/.test(auth) &&
        parts.length === 3 &&
        parts[1]?.length === Buffer.byteLength(lines[2] ?? '') &&
        parts[0]?.event_id === parts[2]?.event_id &&
        /^[0-9a-f]{32}$/.test(String(parts[0]?.event_id));
      if (isGood) taken.push({ path: request.url ?? '', auth, parts, body });
      response.writeHead(isGood ? answer : 400).end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { dsn: `http://key-of-sentry:secret-key-of-sentry@127.0.0.1:${port}/sub/7`, taken };
}
