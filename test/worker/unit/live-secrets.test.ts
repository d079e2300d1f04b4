import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/pulse/index.ts';
import { LiveSecrets } from '../../../src/worker/secrets/live-secrets.ts';

const CERTIFICATE = JSON.stringify({
  version: 1,
  scopes: ['queue:reclaim-task:x/0'],
  seed: 'seed-of-the-certificate',
  signature: 'a+signature/of+32+bytes=',
});

/** What is hidden when these are the secrets. */
function hiddenOf(...secrets: string[]): string[] {
  const live = new LiveSecrets();
  live.add(...secrets.map(secret => new Secret(secret)));
  return live.all.map(secret => secret.reveal());
}

describe('a secret of a worker', () => {
  it.each([
    ['a token', 'a-token-of-the-worker', ['a-token-of-the-worker']],
    ['one with odd letters', 'p@ss/w"rd\\x', ['p@ss/w"rd\\x', 'p%40ss%2Fw%22rd%5Cx', 'p@ss/w\\"rd\\\\x']],
    [
      'a certificate',
      CERTIFICATE,
      [
        CERTIFICATE,
        JSON.stringify(CERTIFICATE).slice(1, -1),
        'a+signature/of+32+bytes=',
        'a%2Bsignature%2Fof%2B32%2Bbytes%3D',
      ],
    ],
    [
      'the password of a URL',
      'amqps://worker:long%2Dpassword@host:5671/%2F',
      ['long%2Dpassword', 'long-password', 'long%252Dpassword'],
    ],
    ['a URL without a password', 'amqps://pulse.mozilla.org:5671', []],
    [
      'JSON that is no certificate',
      '{"secret": 1}',
      ['{"secret": 1}', '%7B%22secret%22%3A%201%7D', '{\\"secret\\": 1}'],
    ],
    ['half of a letter', 'password-\ud800', ['password-\ud800', 'password-\\ud800']],
    ['a short one, which would be found in innocent output', 'pass@rd', []],
    ['an empty one', '', []],
  ])('is hidden in every way in which it may be written: %s', (_, secret, words) => {
    expect(hiddenOf(secret).sort()).toEqual([...words].sort());
  });

  it('is hidden before a part of it is', () => {
    expect(hiddenOf('password', 'password-and-more')).toEqual(['password-and-more', 'password']);
  });

  it('is known until a while after it is used no more, and those that are used are known all the time', () => {
    const live = new LiveSecrets();
    live.add(new Secret('token-of-the-worker'));
    const known = () => live.all.map(secret => secret.reveal());
    for (let run = 0; run < 20; run++) live.add(new Secret(`token-of-run-${run}`))();
    for (const word of ['token-of-the-worker', 'token-of-run-19', 'token-of-run-18'])
      expect(known()).toContain(word);
    expect(known()).not.toContain('token-of-run-0');
    expect(known().length).toBeLessThan(15);
  });

  it('is known for as long when many runs renew their claims at the same time', () => {
    const live = new LiveSecrets();
    const addAll = (when: string) =>
      Array.from({ length: 16 }, (_, run) => live.add(new Secret(`token-${when}-of-run-${run}`)));
    const first = addAll('first');
    for (const forget of first) forget();
    const second = addAll('second');
    for (const forget of second) forget();
    expect(live.all).toHaveLength(32);
  });

  it('does not take the place of another one when it is forgotten twice', () => {
    const live = new LiveSecrets();
    live.add(new Secret('token-of-run-0'))();
    const forget = live.add(new Secret('token-of-run-1'));
    for (let i = 0; i < 20; i++) forget();
    expect(live.all).toHaveLength(2);
  });

  it('is in one list, which is another one when something has changed', () => {
    const live = new LiveSecrets();
    live.add(new Secret('of the worker'));
    const { all } = live;
    expect(live.all).toBe(all);
    live.add(new Secret('of a run, which is longer'));
    expect(live.all).not.toBe(all);
  });

  it('leaves JSON JSON', () => {
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
