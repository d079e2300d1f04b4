import { describe, expect, it } from 'vitest';
import { OBSOLETE_PROPERTIES, PROPERTIES } from '../../src/worker/config/index.ts';
import { asFlags, asVariables, read, required } from './given.ts';

describe('a property that generic-worker has dropped', () => {
  it.each([...OBSOLETE_PROPERTIES])(
    'is accepted from every source, with a warning that names its replacement: %s',
    async (name, { replacedBy }) => {
      const { config, warnings } = await read({
        file: { ...required, [name]: 'anything' },
        environment: asVariables({ [name]: 'anything' }),
        words: asFlags({ [name]: 'anything' }),
      });
      expect(config).not.toHaveProperty(name);
      expect(warnings).toHaveLength(3);
      for (const { property, message } of warnings) {
        expect(property).toBe(name);
        expect(message).toBe(`${name} is obsolete and has no effect; replaced by ${replacedBy}`);
      }
    },
  );

  it('is mentioned even if the configuration is refused, because it may be the cause', async () => {
    const { rootURL: _, ...file } = { ...required, queueBaseURL: 'https://queue.example.com/v1' };
    await expect(read({ file })).rejects.toThrow(/rootURL is missing[^]*queueBaseURL is obsolete/);
  });
});

describe('a property of generic-worker', () => {
  it('causes no warning if it is unset or has its default', async () => {
    const defaults = Object.fromEntries(
      [...PROPERTIES].map(([name, { default: value }]) => [name, value ?? null]),
    );
    const { warnings } = await read({
      file: { ...defaults, ...required, region: '', publicIP: '', d2gConfig: {} },
    });
    expect(warnings).toEqual([]);
  });
});

describe('a certificate', () => {
  const environment = { TASKCLUSTER_ACCESS_TOKEN: 'token', TASKCLUSTER_CERTIFICATE: '{}' };

  it('is used with an access token from the same source, or from one of lower precedence', async () => {
    const { accessToken: _, ...others } = required;
    expect((await read({ file: others, environment })).config.certificate?.reveal()).toBe('{}');
    const { config } = await read({ file: { ...others, certificate: 'in file' }, environment });
    expect(config.certificate?.reveal()).toBe('in file');
  });

  it('is ignored if a source of higher precedence sets another access token', async () => {
    const { config, warnings } = await read({ file: required, environment });
    expect(config.certificate).toBeUndefined();
    expect(warnings.map(({ property, place }) => [property, place])).toEqual([
      ['certificate', 'variable TASKCLUSTER_CERTIFICATE'],
    ]);
  });
});
