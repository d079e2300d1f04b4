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
const WORKER_ID = 'vm-ab12';
const AZURE = '/metadata/scheduledevents?api-version=2020-07-01';
/** The questions come faster than for real: what matters here is what follows from the answers. */
const EVERY_MS = 20;

function watched(name: CloudName, { url }: MetadataServer) {
  const { note, taken } = notes();
  const { service, notices } = connectCloud(name, url, note);
  return { request$: spotNotices(service, { ...notices(WORKER_ID), everyMs: EVERY_MS }, note), taken };
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

/**
 * Google's metadata server, for the state of preemption: a request that waits for a change is answered at once if its
 * `last_etag` is not the current one, and otherwise at the next change.
 */
async function google() {
  let state = 'FALSE';
  const waiting = new Set<() => void>();
  const server = await metadataServer([]);
  const etag = () => `etag-of-${state}`;
  const answer: Answer = ({ url = '' }, response) => {
    const query = new URL(url, server.url).searchParams;
    const send = () => response.writeHead(200, { etag: etag() }).end(state);
    const lastEtag = query.get('last_etag');
    if (query.has('wait_for_change') && (lastEtag === null || lastEtag === etag())) waiting.add(send);
    else send();
  };
  for (const path of [
    GOOGLE_NOW,
    GOOGLE,
    ...['FALSE', 'TRUE'].map(of => `${GOOGLE}&last_etag=etag-of-${of}`),
  ])
    server.answers.set(path, answer);
  const release = () => {
    for (const send of waiting) send();
    waiting.clear();
  };
  return {
    ...server,
    waiting,
    /** Answers the waiting requests, as after their time without a change. */
    release,
    preempt: () => {
      state = 'TRUE';
      release();
    },
  };
}

describe('Google', () => {
  it('answers a waiting request when it preempts the machine', async () => {
    await using server = await google();
    using listener = heard(watched('google', server).request$);
    for (let round = 0; round < 3; round++) {
      await waitFor(() => expect(server.waiting.size).toBe(1));
      server.release();
    }
    await waitFor(() => expect(server.waiting.size).toBe(1));
    expect(listener.leaves).toEqual([]);
    server.preempt();
    await waitFor(() => expect(listener.leaves).toHaveLength(1));
    expect(listener.leaves[0]).toEqual({
      how: 'now',
      because: 'Google is taking this machine away',
      withinMs: 30_000,
    });
    // Only the first request does not wait.
    expect(server.asked.filter(asked => asked.endsWith(GOOGLE_NOW))).toHaveLength(1);
    expect(server.asked.slice(1).every(asked => asked.endsWith('&last_etag=etag-of-FALSE'))).toBe(true);
  });

  it('is asked for changes since the last answer, so that none is missed between two requests', async () => {
    await using server = await google();
    const first = server.answers.get(GOOGLE_NOW) as Exclude<Answer, string>;
    // The machine is preempted right after an answer, before the next request arrives.
    server.answers.set(GOOGLE_NOW, (request, response) => {
      first(request, response);
      server.preempt();
    });
    using listener = heard(watched('google', server).request$);
    await waitFor(() => expect(listener.leaves).toHaveLength(1));
  });

  it('is asked without waiting before each request that waits if its answers have no ETag', async () => {
    await using server = await metadataServer([
      [GOOGLE_NOW, 'FALSE'],
      [GOOGLE, 'FALSE'],
    ]);
    using listener = heard(watched('google', server).request$);
    await waitFor(() => expect(server.asked.length).toBeGreaterThan(4));
    expect(server.asked.slice(0, 4)).toEqual(
      [GOOGLE_NOW, GOOGLE, GOOGLE_NOW, GOOGLE].map(path => `GET ${path}`),
    );
    server.answers.set(GOOGLE_NOW, 'TRUE');
    await waitFor(() => expect(listener.leaves).toHaveLength(1));
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
  const event = (EventType: string, ...Resources: string[]) => ({ EventType, Resources, NotBefore: '' });
  const events = (DocumentIncarnation: number, ...Events: object[]) =>
    JSON.stringify({ DocumentIncarnation, Events });
  const askedAgain = async ({ asked }: MetadataServer) => {
    const before = asked.length;
    await waitFor(() => expect(asked.length).toBeGreaterThan(before + 2));
  };

  it('lists scheduled events, all of which end the machine except a freeze', async () => {
    await using server = await metadataServer([[AZURE, events(1)]]);
    using listener = heard(watched('azure', server).request$);
    for (const harmless of [
      events(2, event('Freeze', WORKER_ID)),
      `{"Events":[{"EventType":"<script>","Resources":["${WORKER_ID}"]}, null, 1]}`,
      '{}',
      '{"Events":{"EventType":"Preempt"}}',
    ]) {
      server.answers.set(AZURE, harmless);
      await askedAgain(server);
    }
    expect(listener.leaves).toEqual([]);
    server.answers.set(AZURE, events(3, event('Freeze', WORKER_ID), event('Preempt', WORKER_ID)));
    await waitFor(() => expect(listener.leaves).toHaveLength(1));
    expect(listener.leaves[0]).toMatchObject({
      because: 'Azure (Preempt) is taking this machine away',
      withinMs: 30_000,
    });
  });

  it('also lists the events of other machines, which do not matter', async () => {
    await using server = await metadataServer([[AZURE, events(1)]]);
    using listener = heard(watched('azure', server).request$);
    const others = [event('Preempt', 'vm-ab1'), event('Terminate', `${WORKER_ID}3`, 'vm-x'), event('Reboot')];
    const strange = [null, 7, [WORKER_ID], { name: WORKER_ID }];
    const unnamed = [WORKER_ID, undefined, strange].map(Resources => ({ EventType: 'Preempt', Resources }));
    // The list grows.
    const all = [...others, ...unnamed];
    for (let length = 1; length <= all.length; length++) {
      server.answers.set(AZURE, events(length, ...all.slice(0, length)));
      await askedAgain(server);
    }
    expect(listener.leaves).toEqual([]);
    // Azure does not distinguish the case of names.
    const own = event('Reboot', 'vm-x', WORKER_ID.toUpperCase());
    server.answers.set(AZURE, events(9, ...others, own));
    await waitFor(() => expect(listener.leaves).toHaveLength(1));
    expect(listener.leaves[0]).toMatchObject({ because: 'Azure (Reboot) is taking this machine away' });
  });

  it('is believed even if the incarnation of its document goes backwards', async () => {
    await using server = await metadataServer([[AZURE, events(9, event('Preempt', 'vm-x'))]]);
    using listener = heard(watched('azure', server).request$);
    await askedAgain(server);
    server.answers.set(AZURE, events(2, event('Preempt', WORKER_ID)));
    await waitFor(() => expect(listener.leaves).toHaveLength(1));
  });
});

describe('a metadata service that', () => {
  it.each([
    ['closes the connection', (_, response) => response.destroy()],
    ['refuses', (_, response) => response.writeHead(401).end()],
    ['redirects', (_, response) => response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end()],
    ['returns no JSON', (_, response) => response.end('<html>')],
    ['returns half of its JSON', (_, response) => response.end('{"DocumentIncarnation":1,"Events":[{"Event')],
    ['returns a list', (_, response) => response.end('[]')],
  ] satisfies [string, Answer][])('%s causes one warning, and the worker continues', async (_, answer) => {
    await using server = await metadataServer([[AZURE, answer]]);
    const { request$, taken } = watched('azure', server);
    using listener = heard(request$);
    await waitFor(() => expect(server.asked.length).toBeGreaterThan(5));
    expect(taken).toMatchObject([
      { level: 'warn', message: expect.stringContaining('a notice would be missed') },
    ]);
    expect(listener.leaves).toEqual([]);
    const Events = [{ EventType: 'Terminate', Resources: [WORKER_ID] }];
    server.answers.set(AZURE, JSON.stringify({ Events }));
    await waitFor(() => expect(listener.leaves).toHaveLength(1));
    expect(taken).toHaveLength(2);
  });
});
