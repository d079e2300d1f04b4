import { describe, expect, it } from 'vitest';
import { read, required } from './given.ts';

const { accessToken: _, ...harmless } = required;
const environment = { TCW_ACCESS_TOKEN: 'token' };

describe('a configuration file that other users may read', () => {
  it.each([0o644, 0o640, 0o604])('causes a warning if it contains secrets (mode %o)', async mode => {
    const { warnings } = await read({ file: { ...required, pulsePassword: 'x' }, mode });
    expect(warnings.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^other users of this machine may read accessToken, pulsePassword; chmod 600 \//),
    ]);
  });

  it('causes no warning without secrets, or if only its owner can read it', async () => {
    expect((await read({ file: harmless, environment, mode: 0o644 })).warnings).toEqual([]);
    expect((await read({ file: { ...required, pulsePassword: '' }, mode: 0o600 })).warnings).toEqual([]);
    expect(
      (await read({ file: { ...harmless, pulsePassword: '' }, environment, mode: 0o644 })).warnings,
    ).toEqual([]);
  });
});

describe('a connection without encryption', () => {
  it.each([
    [
      { rootURL: 'http://tc.example.com' },
      /^rootURL connects to tc\.example\.com without encryption.*https:\/\/$/,
    ],
    [
      { pulseUrl: 'amqp://user:SECRET@pulse.example.com' },
      /^pulseUrl connects to pulse\.example\.com.*amqps:\/\/$/,
    ],
    [{ rootURL: 'http://127.example.com' }, /^rootURL connects to 127\.example\.com/],
  ])('causes a warning if it leaves the machine: %j', async (more, message) => {
    const { warnings } = await read({ file: { ...required, ...more } });
    expect(warnings.map(warning => warning.message)).toEqual([expect.stringMatching(message)]);
    expect(JSON.stringify(warnings)).not.toContain('SECRET');
  });

  it.each([
    { rootURL: 'http://localhost:80' },
    { rootURL: 'http://127.0.0.1:8080' },
    { rootURL: 'http://[::1]:8080' },
    { pulseUrl: 'amqp://127.8.9.1' },
    { rootURL: 'https://tc.example.com', pulseUrl: 'amqps://pulse.example.com' },
  ])('causes no warning within the machine: %j', async more => {
    expect((await read({ file: { ...required, ...more } })).warnings).toEqual([]);
  });
});
