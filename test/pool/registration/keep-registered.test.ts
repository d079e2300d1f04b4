import { readFileSync } from 'node:fs';
import { firstValueFrom, take, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { hideRegistration } from '../../../src/cli/registration/hide-registration.ts';
import { becomeMember, type PoolMember } from '../../../src/pool/registration/index.ts';
import { LiveSecrets } from '../../../src/worker/index.ts';
import { TASK_QUEUE_ID } from '../../local/queue-under-test.ts';
import { waitFor } from '../../wait-for.ts';
import { asMachine, asStatic, notes } from './joining.ts';
import { poolUnderTest } from './pool-under-test.ts';

const { signal } = new AbortController();
/** Credentials of less than a minute are renewed when half of their time has passed. */
const lasting = (seconds: number) => ({ lifecycle: { reregistrationTimeout: seconds } });
const secretIn = (text: string) => (JSON.parse(text) as { secret: string }).secret;
const workerOf = (member: PoolMember) => {
  const { workerGroup, workerId } = member.state().identity;
  return { workerGroup, workerId };
};

describe('a registration', () => {
  it('is renewed before its credentials expire, and is on disk before it is used', async () => {
    await using pool = await poolUnderTest(lasting(8), { longPollMs: 100 });
    await using metadata = await pool.machine();
    await using member = await becomeMember(asMachine(pool, metadata.url, notes().note), signal);
    const first = member.state().credentials;
    const onDisk: string[] = [];
    const inUse: string[] = [];
    // Read at once, before anything else can be written.
    const subscription = member.credentials$.subscribe(() => {
      onDisk.push(secretIn(readFileSync(pool.file, 'utf8')));
      inUse.push(member.state().secret.reveal());
    });
    const [second, third] = await firstValueFrom(member.credentials$.pipe(take(2), toArray()));
    subscription.unsubscribe();
    expect(new Set([first, second, third]).size).toBe(3);
    expect(onDisk).toEqual(inUse);
    const { accessToken, certificate, clientId } = member.state().credentials;
    const credentials = {
      clientId,
      accessToken: accessToken.reveal(),
      certificate: certificate?.reveal() ?? '',
    };
    await pool.queue.connect(credentials).claimWork(TASK_QUEUE_ID, { ...workerOf(member), tasks: 1 });
  });

  it('is continued after a crash', async () => {
    await using pool = await poolUnderTest(lasting(8));
    await using metadata = await pool.machine();
    const first = await becomeMember(asMachine(pool, metadata.url, notes().note), signal);
    await firstValueFrom(first.credentials$);
    await first[Symbol.asyncDispose]();
    await using second = await becomeMember(asMachine(pool, metadata.url, notes().note), signal);
    await firstValueFrom(second.credentials$);
    expect(pool.proxy.calls.filter(call => call === 'registerWorker')).toHaveLength(1);
  });

  it('is renewed however often worker-manager failed before', async () => {
    await using pool = await poolUnderTest(lasting(8));
    await using metadata = await pool.machine();
    pool.proxy.fault('reregisterWorker', { kind: 'status', status: 502, as: 'balancer' }, 3);
    const { note, messages } = notes();
    await using member = await becomeMember(asMachine(pool, metadata.url, note), signal);
    await firstValueFrom(member.credentials$);
    expect(
      messages().filter(message => message === 'credentials not renewed yet; trying again soon'),
    ).toHaveLength(3);
  });
});

it('redacts every registration in the logs', async () => {
  await using pool = await poolUnderTest(lasting(8));
  await using metadata = await pool.machine();
  await using member = await becomeMember(asMachine(pool, metadata.url, notes().note), signal);
  const secrets = new LiveSecrets();
  using _ = hideRegistration(member, secrets);
  const renewed = firstValueFrom(member.credentials$);
  const { secret, credentials } = member.state();
  await renewed;
  const now = member.state();
  for (const each of [secret, credentials.accessToken, now.secret, now.credentials.accessToken])
    expect(secrets.hideInJson(JSON.stringify(each.reveal()))).toBe('"[redacted]"');
});

describe('if the answer to a renewal, and with it the next secret, is lost', () => {
  it('a static worker registers again', async () => {
    await using pool = await poolUnderTest(lasting(8));
    await pool.static();
    pool.proxy.fault('reregisterWorker', { kind: 'halve-answer' }, 1);
    await using member = await becomeMember(asStatic(pool, notes().note), signal);
    await firstValueFrom(member.credentials$);
    const registrations = pool.proxy.calls.filter(call => call === 'registerWorker');
    expect(registrations).toHaveLength(2);
  });

  it('a machine of a cloud continues, logs one line, and ends before its credentials expire', async () => {
    await using pool = await poolUnderTest(lasting(8));
    await using metadata = await pool.machine();
    pool.proxy.fault('reregisterWorker', { kind: 'lose-answer' }, 1);
    const { note, taken } = notes();
    await using member = await becomeMember(asMachine(pool, metadata.url, note), signal);
    const { expiresMs } = member.state();
    await firstValueFrom(member.ends$);
    expect(Date.now()).toBeLessThan(expiresMs);
    expect(taken.filter(({ level }) => level === 'error')).toMatchObject([
      {
        message: 'worker-manager refuses to renew the credentials: the worker shuts down before they expire',
      },
    ]);
  });

  it('it does so after a restart too, because the file holds the used secret', async () => {
    await using pool = await poolUnderTest(lasting(8));
    await using metadata = await pool.machine();
    const { first: lost } = pool.proxy.fault('reregisterWorker', { kind: 'lose-answer' }, 1);
    const before = await becomeMember(asMachine(pool, metadata.url, notes().note), signal);
    await lost;
    await before[Symbol.asyncDispose]();
    const { note, messages } = notes();
    await using _ = await becomeMember(asMachine(pool, metadata.url, note), signal);
    await waitFor(() => {
      expect(messages()).toContain(
        'worker-manager refuses to renew the credentials: the worker shuts down before they expire',
      );
    });
  });
});

it('ends if worker-manager is unavailable until the credentials expire', async () => {
  await using pool = await poolUnderTest(lasting(4));
  await using metadata = await pool.machine();
  pool.proxy.fault('reregisterWorker', { kind: 'cut' });
  await using member = await becomeMember(asMachine(pool, metadata.url, notes().note), signal);
  await firstValueFrom(member.ends$);
  expect(pool.proxy.calls.filter(call => call === 'reregisterWorker').length).toBeGreaterThan(1);
});
