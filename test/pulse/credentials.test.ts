import { describe, expect, it } from 'vitest';
import { endpointFrom, PulseError, Secret } from '../../src/pulse/index.ts';

const found = (sources: Parameters<typeof endpointFrom>[0]) => {
  const { password, ...rest } = endpointFrom({ env: {}, ...sources });
  return { ...rest, password: password.reveal() };
};

describe('the endpoint', () => {
  it('is Mozilla Pulse as guest, when nobody says otherwise', () => {
    expect(found({})).toEqual({
      tls: true,
      hostname: 'pulse.mozilla.org',
      port: 5671,
      vhost: '/',
      user: 'guest',
      password: 'guest',
    });
  });

  it.each([
    ['the argument', { user: 'arg', url: 'amqp://url:u@h', env: { PULSE_USERNAME: 'env' } }, 'arg'],
    ['else the URL', { url: 'amqp://url:u@h', env: { PULSE_USERNAME: 'env' } }, 'url'],
    ['else the environment', { url: 'amqp://h', env: { PULSE_USERNAME: 'env' } }, 'env'],
  ])('takes the user from %s', (_, sources, user) => {
    expect(found(sources).user).toBe(user);
  });

  it.each([
    [
      'the argument',
      { password: new Secret('arg'), url: 'amqp://u:url@h', env: { PULSE_PASSWORD: 'env' } },
      'arg',
    ],
    ['else the URL', { url: 'amqp://u:url@h', env: { PULSE_PASSWORD: 'env' } }, 'url'],
    ['else the environment', { url: 'amqp://u@h', env: { PULSE_PASSWORD: 'env' } }, 'env'],
  ])('takes the password from %s', (_, sources, password) => {
    expect(found(sources).password).toBe(password);
  });

  it('decodes what a URL has to encode', () => {
    expect(found({ url: 'amqp://us%40er:p%2F%25w@[::1]:99/my%2Fvhost' })).toEqual({
      tls: false,
      hostname: '::1',
      port: 99,
      vhost: 'my/vhost',
      user: 'us@er',
      password: 'p/%w',
    });
  });

  it.each([
    ['is no URL', 'secret-host', /not a URL/],
    ['is of another protocol', 'https://u:secret@h', /begins with https:/],
    ['names no host', 'amqp:fdf://', /names no host|not a URL/],
    ['ends its password too early', 'amqp://u:sec@r/et@h', /has an @ behind its host; write @, \//],
    ['holds a broken escape', 'amqp://u:sec%ret@h', /password holds a %/],
  ])('refuses a URL that %s, without showing it', (_, url, message) => {
    const error = (() => {
      try {
        endpointFrom({ url });
      } catch (e) {
        return e as PulseError;
      }
      return undefined;
    })();
    expect(error).toMatchObject({ kind: 'invalid', message: expect.stringMatching(message) });
    expect(error?.message).not.toContain('sec');
  });
});
