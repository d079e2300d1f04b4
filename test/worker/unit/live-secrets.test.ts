import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/pulse/index.ts';
import { inBase64 } from '../../../src/worker/secrets/encodings.ts';
import { LiveSecrets } from '../../../src/worker/secrets/live-secrets.ts';

const CERTIFICATE = JSON.stringify({
  version: 1,
  scopes: ['queue:reclaim-task:x/0'],
  seed: 'seed-of-the-certificate',
  signature: 'a+signature/of+32+bytes=',
});

/** The hidden texts for these secrets, in order. */
function hiddenOf(...secrets: string[]): string[] {
  const live = new LiveSecrets();
  live.add(...secrets.map(secret => new Secret(secret)));
  return [...live.all].map(secret => secret.reveal());
}

/** The same without base64 encodings, which `encodings.test.ts` covers. */
function hiddenAsTextOf(...secrets: string[]): string[] {
  const plain = secrets.flatMap(secret => [secret, secret.replace(/^.*"signature":"([^"]*)".*$/, '$1')]);
  const passwords = secrets.flatMap(secret => secret.match(/(?<=:)[^/:@]+(?=@)/g) ?? []);
  const base64 = new Set([...plain, ...passwords, ...passwords.map(decodeURIComponent)].flatMap(inBase64));
  return hiddenOf(...secrets).filter(word => !base64.has(word));
}

function tokensOf(live: LiveSecrets): string[] {
  return [...live.all].map(secret => secret.reveal()).filter(word => word.startsWith('token'));
}

describe('a secret of a worker', () => {
  it.each([
    ['a token', 'a-token-of-the-worker', ['a-token-of-the-worker']],
    [
      'one with odd letters',
      'p@ss/w"rd\\x',
      ['p@ss/w"rd\\x', 'p%40ss%2Fw%22rd%5Cx', 'p%40ss/w%22rd%5Cx', 'p%40ss%2fw%22rd%5cx', 'p@ss/w\\"rd\\\\x'],
    ],
    [
      'a certificate',
      CERTIFICATE,
      [
        CERTIFICATE,
        JSON.stringify(CERTIFICATE).slice(1, -1),
        'a+signature/of+32+bytes=',
        'a%2Bsignature%2Fof%2B32%2Bbytes%3D',
        'a%2Bsignature/of%2B32%2Bbytes%3D',
        'a%2bsignature%2fof%2b32%2bbytes%3d',
      ],
    ],
    [
      'the password of a URL',
      'amqps://worker:long%2Dpassword@host:5671/%2F',
      ['long%2Dpassword', 'long-password', 'long%252Dpassword'],
    ],
    ['a URL without a password', 'amqps://pulse.mozilla.org:5671', []],
    [
      'JSON that is not a certificate',
      '{"secret": 1}',
      [
        '{"secret": 1}',
        '%7B%22secret%22%3A%201%7D',
        '%7B%22secret%22%3A+1%7D',
        '%7b%22secret%22%3a%201%7d',
        '{\\"secret\\": 1}',
      ],
    ],
    ['half of a letter', 'password-\ud800', ['password-\ud800', 'password-\\ud800']],
    ['a short one, which would be found in innocent output', 'pass@rd', []],
    ['an empty one', '', []],
  ])('is hidden in every form in which it may be written: %s', (_, secret, words) => {
    expect(hiddenAsTextOf(secret).sort()).toEqual([...words].sort());
  });

  it('is hidden until some time after it was last in use, and always while it is in use', () => {
    const live = new LiveSecrets();
    live.add(new Secret('token-of-the-worker'));
    const known = () => [...live.all].map(secret => secret.reveal());
    for (let run = 0; run < 20; run++) live.add(new Secret(`token-of-run-${run}`))();
    for (const word of ['token-of-the-worker', 'token-of-run-19', 'token-of-run-18'])
      expect(known()).toContain(word);
    expect(known()).not.toContain('token-of-run-0');
    expect(known().filter(word => word.startsWith('token')).length).toBeLessThan(15);
  });

  it('is hidden for as long when many runs renew their claims at the same time', () => {
    const live = new LiveSecrets();
    const addAll = (when: string) =>
      Array.from({ length: 16 }, (_, run) => live.add(new Secret(`token-${when}-of-run-${run}`)));
    const first = addAll('first');
    for (const forget of first) forget();
    const second = addAll('second');
    for (const forget of second) forget();
    expect(tokensOf(live)).toHaveLength(32);
  });

  it('does not displace another one when it is forgotten twice', () => {
    const live = new LiveSecrets();
    live.add(new Secret('token-of-run-0'))();
    const forget = live.add(new Secret('token-of-run-1'));
    for (let i = 0; i < 20; i++) forget();
    expect(tokensOf(live)).toHaveLength(2);
  });

  it('is in one list, whose version changes with its content', () => {
    const live = new LiveSecrets();
    const first = live.all.version;
    live.add(new Secret('of the worker'));
    const second = live.all.version;
    expect(second).not.toBe(first);
    const [secret] = live.all;
    live.add(new Secret('of a run, which is longer'));
    expect(live.all.version).not.toBe(second);
    expect([...live.all][0]).toBe(secret);
  });

  it('of a task is hidden in the logs of its own run and of the worker, and nowhere else', () => {
    const live = new LiveSecrets();
    live.add(new Secret('token-of-the-worker'));
    const [one, other] = [live.forRun(), live.forRun()];
    const { all } = live;
    one.hide(new Secret('[taskcluster'));
    expect(live.all).toBe(all);
    expect(other.all).toBe(all);
    expect(one.all).toBe(one.all);
    expect([...one.all].map(secret => secret.reveal())).toEqual(
      expect.arrayContaining(['[taskcluster', 'token-of-the-worker']),
    );
    expect(live.hideInJson('{"a":"[taskcluster:error]"}')).toBe('{"a":"[redacted]:error]"}');
    // A renewed claim has a new token.
    live.add(new Secret('token-of-another-run'));
    expect([...one.all].map(secret => secret.reveal())).toContain('token-of-another-run');
    one.forget();
    expect(one.all).toBe(live.all);
    expect(live.hideInJson('{"a":"[taskcluster:error]"}')).toBe('{"a":"[taskcluster:error]"}');
  });

  it.each([
    ['a URL', 'https://user-name:pass%20word@host/path?query', ['user-name', 'pass%20word', 'pass word']],
    ['a URL with a token and no password', 'https://token-of-a-user@host/', ['token-of-a-user']],
    ['a URL without either', 'https://host/services/T0000/secret-path', []],
    ['a value with a signature', CERTIFICATE, ['a+signature/of+32+bytes=']],
  ])('of a task is hidden in every encoding, and so are its sensitive parts: %s', (_, value, parts) => {
    const run = new LiveSecrets().forRun();
    run.hide(new Secret(value));
    const hidden = [...run.all].map(secret => secret.reveal());
    for (const word of [value, ...parts]) {
      const spelled = [word, encodeURIComponent(word), JSON.stringify(word).slice(1, -1), ...inBase64(word)];
      expect(hidden).toEqual(expect.arrayContaining(spelled));
    }
  });

  it('is hidden in JSON without making it invalid', () => {
    const live = new LiveSecrets();
    live.add(new Secret(CERTIFICATE), new Secret('pass"word"'));
    const line = JSON.stringify({
      quoted: `it is ${CERTIFICATE}`,
      password: 'a pass"word" b',
      plain: JSON.parse(CERTIFICATE),
    });
    expect(JSON.parse(live.hideInJson(line))).toEqual({
      quoted: 'it is [redacted]',
      password: 'a [redacted] b',
      plain: { ...JSON.parse(CERTIFICATE), signature: '[redacted]' },
    });
  });
});
