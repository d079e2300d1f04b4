import { firstValueFrom, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { connectCloud, spotNotices, type CloudName } from '../../../src/pool/clouds/index.ts';
import type { ShutdownRequest } from '../../../src/pool/host.ts';
import { waitFor } from '../../wait-for.ts';
import { notes } from '../registration/joining.ts';
import { metadataServer, type Answer, type MetadataServer } from './metadata-server.ts';

const AWS = '/latest/meta-data/spot/termination-time';
const GOOGLE_NOW = '/computeMetadata/v1/instance/preempted';
const GOOGLE = `${GOOGLE_NOW}?wait_for_change=true&timeout_sec=240`;
const AZURE = '/metadata/scheduledevents?api-version=2020-07-01';
/** The questions come faster than for real: what matters here is what follows from the answers. */
const EVERY_MS = 20;

function watched(name: CloudName, { url }: MetadataServer) {
  const { note, taken } = notes();
  const { service, notices } = connectCloud(name, url, note);
  return { request$: spotNotices(service, { ...notices, everyMs: EVERY_MS }, note), taken };
}

/** Listens, and tells what has come. */
function heard(request$: Observable<ShutdownRequest>) {
  const leaves: ShutdownRequest[] = [];
  const subscription = request$.subscribe(leave => leaves.push(leave));
  return { leaves, [Symbol.dispose]: () => subscription.unsubscribe() };
}

const aws = () => metadataServer([['/latest/api/token', 'token']]);

describe('AWS', () => {
  it('announces when it reclaims the machine', async () => {
    await using server = await aws();
    const { request$ } = watched('aws', server);
    using listener = heard(request$);
    await waitFor(() => expect(server.asked.filter(asked => asked.endsWith(AWS)).length).toBeGreaterThan(2));
    expect(listener.leaves).toEqual([]);
    server.answers.set(AWS, new Date(Date.now() + 90_000).toISOString());
    await waitFor(() => expect(listener.leaves).toHaveLength(1));
    const [{ how, because, withinMs = 0 } = { how: 'force', because: '' }] = listener.leaves;
    expect([how, because]).toEqual(['now', 'AWS is taking this machine away']);
    expect(withinMs).toBeGreaterThan(10_000);
    expect(withinMs).toBeLessThanOrEqual(90_000);
  });

  it.each(['', 'soon', '1970-01-01T00:00:00Z'])('is trusted without a valid time: %j', async text => {
    await using server = await aws();
    server.answers.set(AWS, text);
    const { withinMs } = await firstValueFrom(watched('aws', server).request$);
    expect(withinMs).toBe(30_000);
  });
});

describe('Google', () => {
  it('answers a request when it preempts the machine', async () => {
    const waiting: ((text: string) => void)[] = [];
    const wait: Answer = (_, response) => void waiting.push(text => response.end(text));
    await using server = await metadataServer([
      [GOOGLE_NOW, 'FALSE'],
      [GOOGLE, wait],
    ]);
    using listener = heard(watched('google', server).request$);
    await waitFor(() => expect(waiting).toHaveLength(1));
    waiting[0]?.('FALSE');
    await waitFor(() => expect(waiting).toHaveLength(2));
    expect(listener.leaves).toEqual([]);
    waiting[1]?.('TRUE\n');
    await waitFor(() => expect(listener.leaves).toHaveLength(1));
    expect(listener.leaves[0]).toEqual({
      how: 'now',
      because: 'Google is taking this machine away',
      withinMs: 30_000,
    });
  });
});

it('a preemption by Google is noticed even if it happened before the request for changes', async () => {
  await using server = await metadataServer([
    [GOOGLE_NOW, 'TRUE'],
    [GOOGLE, () => undefined],
  ]);
  const { because } = await firstValueFrom(watched('google', server).request$);
  expect(because).toBe('Google is taking this machine away');
});

describe('Azure', () => {
  const events = (...types: string[]) =>
    JSON.stringify({
      DocumentIncarnation: 1,
      Events: types.map(EventType => ({ EventType, NotBefore: '' })),
    });

  it('lists scheduled events, all of which end the machine except a freeze', async () => {
    await using server = await metadataServer([[AZURE, events()]]);
    using listener = heard(watched('azure', server).request$);
    for (const harmless of [events('Freeze'), '{"Events":[{"EventType":"<script>"}, null, 1]}', '{}']) {
      server.answers.set(AZURE, harmless);
      const before = server.asked.length;
      await waitFor(() => expect(server.asked.length).toBeGreaterThan(before + 2));
    }
    expect(listener.leaves).toEqual([]);
    server.answers.set(AZURE, events('Freeze', 'Preempt'));
    await waitFor(() => expect(listener.leaves).toHaveLength(1));
    expect(listener.leaves[0]).toMatchObject({
      because: 'Azure (Preempt) is taking this machine away',
      withinMs: 30_000,
    });
  });
});

describe('a metadata service that', () => {
  it.each([
    ['closes the connection', (_, response) => response.destroy()],
    ['refuses', (_, response) => response.writeHead(401).end()],
    ['redirects', (_, response) => response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end()],
    ['returns no JSON', (_, response) => response.end('<html>')],
  ] satisfies [string, Answer][])('%s causes one warning, and the worker continues', async (_, answer) => {
    await using server = await metadataServer([[AZURE, answer]]);
    const { request$, taken } = watched('azure', server);
    using listener = heard(request$);
    await waitFor(() => expect(server.asked.length).toBeGreaterThan(5));
    expect(taken).toMatchObject([
      { level: 'warn', message: expect.stringContaining('a notice would be missed') },
    ]);
    expect(listener.leaves).toEqual([]);
    server.answers.set(AZURE, JSON.stringify({ Events: [{ EventType: 'Terminate' }] }));
    await waitFor(() => expect(listener.leaves).toHaveLength(1));
    expect(taken).toHaveLength(2);
  });
});
