import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endpointFrom, PRODUCTION_URL, Secret, type PulseError } from '../../src/pulse/index.ts';

const found = (sources: Parameters<typeof endpointFrom>[0]) => {
  const { password, ...rest } = endpointFrom({ env: {}, ...sources });
  return { ...rest, password: password.reveal() };
};

describe('the endpoint', () => {
  it.each([
    ['nothing at all', {}],
    ['an empty argument', { url: '' }],
    ['an empty secret', { url: new Secret('') }],
    ['an empty variable', { env: { PULSE_URL: '' } }],
    ['a user alone', { user: 'me', password: 'SECRET' }],
  ])('is refused for %s, so that no mistake leads to production', (_, sources) => {
    expect(() => found(sources)).toThrow(
      "there is no Pulse URL; give one, or set PULSE_URL (production is Mozilla's own Pulse)",
    );
  });

  it.each([
    ['the argument', { url: 'amqp://arg', env: { PULSE_URL: 'amqp://env' } }, 'arg'],
    ['PULSE_URL without an argument', { env: { PULSE_URL: 'amqp://env' } }, 'env'],
    ['PULSE_URL if the argument is empty', { url: '', env: { PULSE_URL: 'amqp://env' } }, 'env'],
    ['the word production in PULSE_URL', { env: { PULSE_URL: 'production' } }, 'pulse.mozilla.org'],
  ])('has the URL from %s', (_, sources, hostname) => {
    expect(found(sources).hostname).toBe(hostname);
  });

  it.each([
    [
      'user and password of PULSE_URL',
      { env: { PULSE_URL: 'amqp://u:p@h', PULSE_USERNAME: 'env', PULSE_PASSWORD: 'env' } },
    ],
    ['an argument over PULSE_URL', { user: 'u', password: 'p', env: { PULSE_URL: 'amqp://url:url@h' } }],
  ])('prefers %s', (_, sources) => {
    expect(found(sources)).toMatchObject({ user: 'u', password: 'p' });
  });

  it('is Mozilla Pulse for `production`', () => {
    expect(found({ url: 'production' })).toEqual({
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
  ])('has the user from %s', (_, sources, user) => {
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
  ])('has the password from %s', (_, sources, password) => {
    expect(found(sources).password).toBe(password);
  });

  // pulse-go's own cases: an argument, a part of the URL or a variable that is empty counts as one that is missing.
  const set = { PULSE_URL: PRODUCTION_URL, PULSE_USERNAME: 'env', PULSE_PASSWORD: 'envpw' };
  const empty = { PULSE_URL: PRODUCTION_URL, PULSE_USERNAME: '', PULSE_PASSWORD: '' };
  it.each([
    [{ user: '', password: '', url: '', env: empty }, 'guest', 'guest', 'amqps://pulse.mozilla.org:5671/'],
    [{ env: set }, 'env', 'envpw', 'amqps://pulse.mozilla.org:5671/'],
    [{ env: empty }, 'guest', 'guest', 'amqps://pulse.mozilla.org:5671/'],
    [{ user: '', env: set }, 'env', 'envpw', 'amqps://pulse.mozilla.org:5671/'],
    [{ password: '', env: set }, 'env', 'envpw', 'amqps://pulse.mozilla.org:5671/'],
    [
      { password: new Secret(''), url: new Secret(''), env: set },
      'env',
      'envpw',
      'amqps://pulse.mozilla.org:5671/',
    ],
    [{ user: 'arg', env: set }, 'arg', 'envpw', 'amqps://pulse.mozilla.org:5671/'],
    [{ password: 'argpw', env: set }, 'env', 'argpw', 'amqps://pulse.mozilla.org:5671/'],
    [{ user: 'arg', password: 'argpw', env: set }, 'arg', 'argpw', 'amqps://pulse.mozilla.org:5671/'],
    [{ url: 'amqp://url:urlpw@h', env: set }, 'url', 'urlpw', 'amqp://h:5672/'],
    [{ user: '', password: '', url: 'amqp://url:urlpw@h', env: set }, 'url', 'urlpw', 'amqp://h:5672/'],
    [{ url: 'amqp://:@h', env: set }, 'env', 'envpw', 'amqp://h:5672/'],
    [{ url: 'amqp://@h', env: empty }, 'guest', 'guest', 'amqp://h:5672/'],
    [{ url: 'amqp://url@h', env: set }, 'url', 'envpw', 'amqp://h:5672/'],
    [{ url: 'amqp://url:@h', env: set }, 'url', 'envpw', 'amqp://h:5672/'],
    [{ url: 'amqp://:urlpw@h', env: set }, 'env', 'urlpw', 'amqp://h:5672/'],
    [{ url: 'amqp://url:urlpw@h', user: 'arg', env: set }, 'arg', 'urlpw', 'amqp://h:5672/'],
    [{ url: 'amqp://url:urlpw@h', password: 'argpw', env: set }, 'url', 'argpw', 'amqp://h:5672/'],
  ])('for %j is for %s with %s at %s', (sources, user, password, url) => {
    const { tls, hostname, port, vhost, ...login } = found(sources);
    expect(login).toEqual({ user, password });
    expect(`${tls ? 'amqps' : 'amqp'}://${hostname}:${port}${vhost}`).toBe(url);
  });

  it('decodes the escapes of a URL', () => {
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
    ['amqp://h?ssl=1', 'amqps://h:5671/'],
    ['amqp://h?ssl=true', 'amqps://h:5671/'],
    ['amqp://h:5672/%2F?ssl=True', 'amqps://h:5672/'],
    ['amqps://h/?ssl=1', 'amqps://h:5671/'],
    ['amqp://h?ssl=0', 'amqp://h:5672/'],
    ['amqp://h/..a', 'amqp://h:5672..a'],
    ['amqp://h/...', 'amqp://h:5672...'],
    ['amqp://h?', 'amqp://h:5672/'],
    ['amqp://h#', 'amqp://h:5672/'],
    ['amqp://h:/', 'amqp://h:5672/'],
    ['AMQPS://Pulse.Example/', 'amqps://pulse.example:5671/'],
    ['amqp://h//', 'amqp://h:5672/'],
    ['amqp://h/communitytc', 'amqp://h:5672communitytc'],
    ['amqp://h/a%2Fb', 'amqp://h:5672a/b'],
    ['amqp://rabbit_mq', 'amqp://rabbit_mq:5672/'],
    ['amqp://b\u00fccher.example', 'amqp://xn--bcher-kva.example:5672/'],
    ['amqp://[::1]', 'amqp://::1:5672/'],
    [' amqp://h\n', 'amqp://h:5672/'],
  ])('for %j is at %s', (given, where) => {
    const { tls, hostname, port, vhost } = found({ url: given });
    expect(`${tls ? 'amqps' : 'amqp'}://${hostname}:${port}${vhost}`).toBe(where);
  });

  it('has the heartbeat of its URL', () => {
    expect(endpointFrom({ url: 'amqp://h?heartbeat=30' }).heartbeatSecs).toBe(30);
    expect(endpointFrom({ url: 'amqp://h?ssl=1&heartbeat=1' })).toMatchObject({
      tls: true,
      heartbeatSecs: 1,
    });
  });

  const refusal = (sources: Parameters<typeof endpointFrom>[0]) => {
    try {
      endpointFrom({ env: {}, ...sources });
    } catch (error) {
      return error as PulseError;
    }
    return undefined;
  };

  it.each([
    ['is no URL', 's3cr3t-host', /not a URL/],
    ['is of another protocol', 'https://u:s3cr3t@h', /begins with https:/],
    ['is of a protocol that Celery knows', 'pyamqp://u:s3cr3t@h', /begins with pyamqp:.* amqp: or amqps:/],
    ['spells TLS in another way', 'amqp+ssl://u:s3cr3t@h', /begins with amqp\+ssl:.* amqps:/],
    ['names no host', 'amqp:fdf://', /names no host|not a URL/],
    ['has a port that is too large', 'amqp://u:s3cr3t@h:65536', /not a URL/],
    ['has port 0', 'amqp://u:s3cr3t@h:0', /port 0/],
    ['ends its password too early', 'amqp://u:s3c@r/3t@h', /has an @ after its host; write @, \//],
    ['holds a broken escape', 'amqp://u:s3c%r3t@h', /password contains a %/],
    ['holds an escape that is not UTF-8', 'amqp://u:s3c%FFr3t@h', /password contains a %/],
    ['holds a NUL in its password', 'amqp://u:s3c%00r3t@h', /password contains a NUL/],
    ['holds a NUL in its user', 'amqp://u%00:s3cr3t@h', /user contains a NUL/],
    ['holds a NUL in its vhost', 'amqp://u:s3cr3t@h/v%00', /vhost contains a NUL/],
    ['has a line break inside', 'amqp://u:s3c\nr3t@h', /line break/],
    ['has a tab inside', 'amqp://u:s3c\tr3t@h', /line break or a tab/],
    ['has a path of several segments', 'amqp://u:s3cr3t@h/a/b', /vhost.*%2F/],
    ['has a slash behind its vhost', 'amqp://u:s3cr3t@h/a/', /vhost.*%2F/],
    ['has a vhost that is too long', `amqp://u:s3cr3t@h/${'v'.repeat(256)}`, /vhost of 256 bytes/],
    ['has a fragment', 'amqp://u:s3cr3t@h#f', /fragment/],
    ['turns TLS off and on', 'amqps://u:s3cr3t@h?ssl=0', /amqps:.*ssl=0.*amqp:/],
    ['has an ssl that is neither', 'amqp://u:s3cr3t@h?ssl=maybe', /ssl.*1 nor 0/],
    ['has ssl alone', 'amqp://u:s3cr3t@h?ssl', /ssl without a value.*ssl=1/],
    ['has an empty ssl', 'amqp://u:s3cr3t@h?heartbeat=9&ssl=', /ssl without a value.*ssl=1/],
    ['has heartbeat alone', 'amqp://u:s3cr3t@h?heartbeat', /heartbeat without a value.*heartbeat=30/],
    ['has an empty heartbeat', 'amqp://u:s3cr3t@h?heartbeat=', /heartbeat without a value.*heartbeat=30/],
    ['has a vhost ..', 'amqp://u:s3cr3t@h/..', /\. or \.\. .*vhost/],
    ['has a vhost .. in escapes', ' amqp://u:s3cr3t@h/%2e%2E?ssl=1', /\. or \.\. .*vhost/],
    ['has a vhost . and more', 'amqp://u:s3cr3t@h/./x', /\. or \.\. .*vhost/],
    ['hides the end of its password', 'amqp://u:1/s3cr3t@h/..', /\. or \.\. .*vhost|has an @/],
    ['says ssl twice', 'amqp://u:s3cr3t@h?ssl=1&ssl=0', /ssl twice/],
    ['switches heartbeats off', 'amqp://u:s3cr3t@h?heartbeat=0', /heartbeat.*1 to 65535/],
    ['has a heartbeat that is none', 'amqp://u:s3cr3t@h?heartbeat=fast', /heartbeat.*1 to 65535/],
    ['has a certificate', 'amqps://u:s3cr3t@h?cafile=/x', /cafile.*NODE_EXTRA_CA_CERTS/],
    ['has a timeout', 'amqps://u:s3cr3t@h?connection_timeout=5', /connection_timeout.*connectTimeoutMs/],
    ['has an option that nobody knows', 'amqps://u:s3cr3t@h?frameMax=8192', /frameMax/],
    ['has an option that may be anything', 'amqps://u:s3cr3t@h?s3c%20r3t=1', /an option/],
  ])('is refused for a URL that %s, which is not shown', (_, url, message) => {
    const error = refusal({ url });
    expect(error).toMatchObject({ kind: 'invalid', message: expect.stringMatching(message) });
    expect(error?.message).not.toMatch(/s3c|r3t/);
  });

  it.each([
    ['the user', { url: 'amqp://h', user: 'a\0b' }],
    ['the password', { url: 'amqp://h', password: 's3c\0r3t' }],
    ['the user', { env: { PULSE_URL: 'amqp://h', PULSE_USERNAME: 'a\0b' } }],
    ['the password', { env: { PULSE_URL: 'amqp://h', PULSE_PASSWORD: 's3c\0r3t' } }],
  ])('is refused with a NUL, which would end a login too early: %s', (what, sources) => {
    const error = refusal(sources);
    expect(error).toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining(`${what} contains a NUL`),
    });
    expect(error?.message).not.toContain('s3c');
  });

  it('for arbitrary input is valid, or causes an error that does not reveal the password', () => {
    const text = fc.string({ unit: 'binary', maxLength: 12 });
    const piece = fc.oneof(
      text,
      fc.constantFrom(...'/:@?#[]%&= \\', '//', '%00', '%2F', '%ff', 'ssl=1', 'h', '5671'),
    );
    const url = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .tuple(fc.constantFrom('amqp:', 'amqps:', 'AMQP:', 'http:', ''), fc.array(piece, { maxLength: 12 }))
        .map(([scheme, pieces]) => `${scheme}//me:sw0rdfish@${pieces.join('')}`),
      fc
        .tuple(fc.constantFrom('amqp:', 'amqps:'), fc.array(piece, { maxLength: 8 }), text)
        .map(([scheme, pieces, host]) => `${scheme}//me:sw0rd${pieces.join('')}fish@${host}`),
    );
    fc.assert(
      fc.property(
        url,
        fc.option(text, { nil: undefined }),
        fc.option(text, { nil: undefined }),
        (given, user, password) => {
          try {
            const endpoint = endpointFrom({ url: given, user, password, env: {} });
            expect(endpoint.port).toBeGreaterThan(0);
            expect([
              endpoint.hostname,
              endpoint.user,
              endpoint.password.reveal(),
              endpoint.vhost,
            ]).not.toContain('');
          } catch (error) {
            expect(error).toMatchObject({ name: 'PulseError', kind: 'invalid' });
            expect((error as PulseError).message).not.toMatch(/sw0rd|fish/);
            expect((error as PulseError).message).not.toContain('\n');
          }
        },
      ),
      { numRuns: 5_000 },
    );
  });
});
