import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/pulse/index.ts';
import { queueCalls, type CallPolicy, type Credentials } from '../../src/taskcluster/index.ts';
import { hangUp, json, page, refusal, silence, webServer, type Answer } from './web-server.ts';

const TOKEN = 'token-that-nobody-may-see';
const SIGNATURE = 'signature-that-nobody-may-see';
const CERTIFICATE = JSON.stringify({ version: 1, scopes: [], seed: 'x', signature: SIGNATURE });
const CREDENTIALS: Credentials = {
  clientId: 'task-client/x',
  accessToken: new Secret(TOKEN),
  certificate: new Secret(CERTIFICATE),
};
const POLICY: CallPolicy = { timeoutMs: 50, retries: 1, backoff: { baseMs: 1, capMs: 1 } };

/** Everything that a logger, or a person with a debugger, could make of a value. */
function allOf(value: unknown): string {
  return [
    String(value),
    ...[value].flat(3).map(part => (part instanceof Error ? part.stack : '')),
    JSON.stringify(value),
    inspect(value, {
      depth: Infinity,
      maxStringLength: Infinity,
      maxArrayLength: Infinity,
      showHidden: true,
    }),
  ].join('\n');
}

const HEADER = Buffer.from(JSON.stringify({ certificate: JSON.parse(CERTIFICATE) as object }));
/** What must not be seen of the credentials: as they are, and as the Hawk header carries them. */
const SECRETS = [TOKEN, SIGNATURE, 'Hawk id=', HEADER.toString('base64').slice(0, 20)];

function secretsIn(value: unknown): string[] {
  const text = allOf(value);
  return SECRETS.filter(secret => text.includes(secret));
}

describe('the error of a failed call', () => {
  it.each<[string, Answer]>([
    ['refused', refusal(403, 'InsufficientScopes', 'You have no scopes.')],
    ['unavailable', refusal(503, 'InternalServerError', 'Not now.')],
    ['hung up', hangUp],
    ['too late', silence],
    ['a page', page(502, '<html>')],
    ['broken JSON', page(200, '{', 'application/json')],
    ['no answer', json(200, null)],
  ])('contains no secret: %s', async (_, answer) => {
    const { rootUrl } = await webServer(answer);
    const reported: unknown[] = [];
    const call = queueCalls({
      rootUrl,
      policies: { status: POLICY },
      onRetry: (...retry) => reported.push(retry),
    });
    const error: unknown = await call(CREDENTIALS, 'status', 'x').then(
      () => undefined,
      (failure: unknown) => failure,
    );
    expect(error).toBeInstanceOf(Error);
    expect(secretsIn([error, ...reported])).toEqual([]);
  });

  it('contains no secret if the queue is unreachable, or the certificate invalid', async () => {
    const call = queueCalls({ rootUrl: 'http://127.0.0.1:1', policies: { status: POLICY } });
    const certificate = new Secret(`${CERTIFICATE}}`);
    for (const credentials of [CREDENTIALS, { ...CREDENTIALS, certificate }]) {
      const error: unknown = await call(credentials, 'status', 'x').catch((failure: unknown) => failure);
      expect(error).toBeInstanceOf(Error);
      expect(secretsIn(error)).toEqual([]);
    }
  });
});
