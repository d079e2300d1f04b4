import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { becomeMember } from '../../../src/pool/registration/index.ts';
import { TASK_QUEUE_ID } from '../../local/queue-under-test.ts';
import { metadataServer, type Answer } from '../clouds/metadata-server.ts';
import { asStatic, notes } from './joining.ts';

const { signal } = new AbortController();
const REGISTER = '/api/worker-manager/v1/worker/register';
const ERRORS = `/api/worker-manager/v1/worker-pool-errors/${encodeURIComponent(TASK_QUEUE_ID)}`;
const SECRET = `/api/secrets/v1/secret/worker-pool%3A${encodeURIComponent(TASK_QUEUE_ID)}`;
const OTHER_SECRET = SECRET.replace('worker-pool', 'worker-type');
const EXPIRES = '2100-01-01T00:00:00.000Z';

const certificate = (text: string) => ({ clientId: 'worker', accessToken: 'token', certificate: text });
const registration = (changes: object = {}) => ({
  expires: EXPIRES,
  credentials: { clientId: 'worker', accessToken: 'token' },
  secret: 'a'.repeat(44),
  workerConfig: {},
  ...changes,
});
const json =
  (body: unknown, status = 200): Answer =>
  (_, response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

/** A deployment that answers whatever a test wants, and a folder for the worker. */
async function deployment(secret: Answer = json({ code: 'ResourceNotFound', message: 'no secret' }, 404)) {
  const life = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'tcw-answers-'));
  life.defer(() => rm(folder, { recursive: true, force: true }));
  const server = life.use(
    await metadataServer([
      [REGISTER, json(registration())],
      [SECRET, secret],
      [OTHER_SECRET, json({ code: 'InsufficientScopes', message: 'not yours' }, 403)],
      [ERRORS, json({})],
    ]),
  );
  return {
    server,
    file: join(folder, 'registration.json'),
    proxy: { rootUrl: server.url },
    [Symbol.asyncDispose]: () => life.disposeAsync(),
  };
}

describe('a registration that no worker can use', () => {
  it.each([
    [
      'a certificate that is not JSON',
      { credentials: certificate('{"half') },
      /certificate is not a JSON object/,
    ],
    ['a certificate that is a list', { credentials: certificate('[1]') }, /certificate is not a JSON object/],
    ['a certificate that is null', { credentials: certificate('null') }, /certificate is not a JSON object/],
    ['an empty client', { credentials: { clientId: '', accessToken: 'token' } }, /clientId is empty/],
    ['an empty token', { credentials: { clientId: 'worker', accessToken: '' } }, /accessToken is empty/],
    ['a second that JavaScript lacks', { expires: '2100-12-31T23:59:60Z' }, /expires is not a time/],
    ['no credentials', { credentials: null }, /credentials must be object/],
  ])('is not used or kept, but requested again: %s', async (_, changes, problem) => {
    await using local = await deployment();
    const answers = [json(registration({ ...changes, secret: 'b'.repeat(44) })), json(registration())];
    local.server.answers.set(REGISTER, (request, response: ServerResponse) => {
      const answer = answers.shift();
      if (typeof answer === 'function') answer(request, response);
    });
    const { note, taken } = notes();
    await using member = await becomeMember(asStatic(local, note), signal);
    expect(member.state().secret.reveal()).toBe('a'.repeat(44));
    expect(await readFile(local.file, 'utf8')).not.toContain('b'.repeat(44));
    const [warning] = taken.filter(({ level }) => level === 'warn');
    expect((warning?.fields.err as Error).message).toMatch(problem);
    expect(JSON.stringify(taken)).not.toContain('half');
  });

  it('because it has ended causes one warning that mentions the clock', async () => {
    await using local = await deployment();
    local.server.answers.set(REGISTER, json(registration({ expires: '2001-01-01T00:00:00.000Z' })));
    const { note, taken } = notes();
    await using _ = await becomeMember(asStatic(local, note), signal);
    expect(taken.filter(({ level }) => level === 'warn').map(({ message }) => message)).toEqual([
      expect.stringMatching(/credentials have already expired by the clock of this machine/),
    ]);
  });
});

describe("a pool's secret", () => {
  it.each([
    ['null', null],
    ['a list', ['said-by-a-secret']],
    ['a text', 'said-by-a-secret'],
    ['missing', undefined],
  ])('that is %s instead of an object is reported to the owner', async (_, secret) => {
    await using local = await deployment(json({ secret, expires: EXPIRES }));
    const { note, taken } = notes();
    await expect(becomeMember(asStatic(local, note), signal)).rejects.toThrow(
      `the secret worker-pool:${TASK_QUEUE_ID} of the worker pool must be an object`,
    );
    expect(local.server.asked).toContain(`POST ${ERRORS}`);
    expect(JSON.stringify(taken)).not.toContain('said-by-a-secret');
  });
});

it("what is wrong with a pool's settings is logged before it is reported, because that may take a minute", async () => {
  await using local = await deployment();
  local.server.answers.set(REGISTER, json(registration({ workerConfig: { genericWorker: 1 } })));
  const { note, taken } = notes();
  const logged: unknown[] = [];
  local.server.answers.set(ERRORS, (request, response) => {
    logged.push(...taken.filter(({ level }) => level === 'error').map(({ fields }) => fields.problem));
    (json({}) as Exclude<Answer, string>)(request, response);
  });
  await expect(becomeMember(asStatic(local, note), signal)).rejects.toThrow();
  expect(logged).toEqual(['genericWorker of the worker pool must be an object']);
});
