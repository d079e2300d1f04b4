import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/pulse/index.ts';
import { connectQueue } from '../../src/taskcluster/index.ts';
import { startQueue, TASK_QUEUE_ID, WORKER } from '../local/queue-under-test.ts';

/** A run on a real queue, and what a worker and a user do with its artifacts. */
async function start() {
  const real = await startQueue({ longPollMs: 100 });
  await real.create();
  const { clientId, accessToken } = real.credentials.worker;
  const credentials = { clientId, accessToken: new Secret(accessToken) };
  const queue = connectQueue({ rootUrl: real.rootUrl, credentials, taskQueueId: TASK_QUEUE_ID, ...WORKER });
  const [claim] = await queue.claimWork(1);
  if (!claim) throw new Error('there was nothing to claim');
  const run = queue.forRun(claim);
  return {
    create: (name: string) =>
      run.createArtifact(name, {
        storageType: 's3',
        contentType: 'text/plain',
        expires: claim.task.deadline,
      }),
    names: async () => {
      const { artifacts } = await real.root.listArtifacts(claim.taskId, '0');
      return artifacts.map(({ name }) => name);
    },
    [Symbol.asyncDispose]: () => real.close(),
  };
}

describe('the name of an artifact', () => {
  it('may be any printable ASCII, because the signed URL is the one that is requested', async () => {
    await using run = await start();
    for (let code = 0x20; code < 0x7f; code++) await run.create(`public/a${String.fromCharCode(code)}b`);
    expect(await run.names()).toHaveLength(0x7f - 0x20);
  });

  it.each([
    '.',
    '..',
    'public/..',
    '../x',
    'public/../../x',
    '%2e%2e',
    '%2F',
    'a//b',
    '?x',
    '#x',
    '\\',
    ';a=b',
  ])('may be %j', async name => {
    await using run = await start();
    await run.create(name);
    expect(await run.names()).toEqual([name]);
  });

  it('may be any that the queue accepts', async () => {
    await using run = await start();
    const created = new Set<string>();
    const character = fc.constantFrom(...`!'()*~;,?:@&=+$#"<>[]{}|\\^\`%./ ab0`);
    const name = fc.string({ unit: character, minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(name, async each => {
        await run.create(each);
        created.add(each);
      }),
      { numRuns: 200 },
    );
    expect(await run.names()).toEqual([...created].sort((one, other) => (one < other ? -1 : 1)));
  });

  it('is refused if it cannot be sent, and this never counts as an outage', async () => {
    await using run = await start();
    for (const name of ['\uD800', 'a\uDC00b', 'line\nbreak', 'ü', '\0']) {
      await expect(run.create(name)).rejects.toMatchObject({ kind: 'refused', transient: false });
    }
  });
});
