import { describe, expect, it } from 'vitest';
import { PROPERTIES } from '../../src/worker/config/index.ts';
import { asFlags, asVariables, read, required } from './given.ts';

/** Properties that an ordinary text fits. */
const texts = [...PROPERTIES].flatMap(([name, { type, oneOf, pattern, standardVariable }]) =>
  (type === 'string' && !oneOf && !pattern && !standardVariable) || name === 'pulseUrl' ? [name] : [],
);
const good = (name: string) => (name === 'pulseUrl' ? 'amqps://pulse.example.com' : 'good');
const revealed = (value: unknown) =>
  typeof value === 'object' && value !== null && 'reveal' in value
    ? (value as { reveal: () => unknown }).reveal()
    : value;

describe('an empty value means "not set", everywhere', () => {
  it.each(texts)('%s: an empty variable or flag does not override the value in the file', async name => {
    const file = { ...required, [name]: good(name) };
    for (const given of [
      { file, environment: asVariables({ [name]: '' }) },
      { file, words: asFlags({ [name]: '' }) },
    ]) {
      expect(revealed((await read(given)).config[name as 'pulseUrl'])).toBe(good(name));
    }
  });

  it.each(texts)(
    '%s: an empty value in the file overrides neither the variable nor the default',
    async name => {
      const file = { ...required, [name]: '' };
      const { config } = await read({ file, environment: asVariables({ [name]: good(name) }) });
      expect(revealed(config[name as 'pulseUrl'])).toBe(good(name));
      expect(revealed((await read({ file })).config[name as 'pulseUrl'])).toBe(PROPERTIES.get(name)?.default);
    },
  );

  it.each([
    ['capacity', 1],
    ['enableMounts', true],
    ['idleTimeoutSecs', 0],
    ['logLevel', 'info'],
    ['livelogPortBase', 60_098],
  ])('%s: an empty value means the default', async (name, value) => {
    for (const given of [
      { file: { ...required, [name]: '' } },
      { file: required, environment: asVariables({ [name]: '' }) },
      { file: required, words: asFlags({ [name]: '' }) },
    ]) {
      expect((await read(given)).config).toMatchObject({ [name]: value });
    }
  });

  it('also in the standard variables of Taskcluster', async () => {
    const environment = {
      TASKCLUSTER_ACCESS_TOKEN: '',
      TASKCLUSTER_CERTIFICATE: '',
      TASKCLUSTER_ROOT_URL: '',
    };
    const { config, warnings } = await read({ file: required, environment });
    expect(config.accessToken.reveal()).toBe(required.accessToken);
    expect([config.certificate, warnings]).toEqual([undefined, []]);
  });

  it('an empty certificate in a flag is not taken for the certificate of another token', async () => {
    const { accessToken: _, ...others } = required;
    const environment = { TASKCLUSTER_ACCESS_TOKEN: 'token', TASKCLUSTER_CERTIFICATE: '{}' };
    const { config } = await read({ file: others, environment, words: ['--certificate='] });
    expect(config.certificate?.reveal()).toBe('{}');
  });
});

describe('a root URL', () => {
  it.each([
    ['https://tc.example.com/', 'https://tc.example.com'],
    ['https://tc.example.com///', 'https://tc.example.com'],
    ['HTTPS://TC.Example.COM', 'https://tc.example.com'],
    ['https://tc.example.com:443/', 'https://tc.example.com'],
    ['http://127.0.0.1:8080/', 'http://127.0.0.1:8080'],
  ])('%s becomes %s', async (given, normal) => {
    for (const where of [
      { file: { ...required, rootURL: given } },
      { file: { ...required, rootURL: '' }, environment: { TASKCLUSTER_ROOT_URL: given } },
      { file: required, words: ['--root-url', given] },
    ]) {
      expect((await read(where)).config.rootURL).toBe(normal);
    }
  });
});
