import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flagName, variableName } from '../../src/cli/config/spelling.ts';
import {
  configDefaults,
  configSchema,
  OBSOLETE_PROPERTIES,
  PROPERTIES,
  PROPERTY_GROUPS,
} from '../../src/worker/config/index.ts';
import { Secret } from '../../src/pulse/index.ts';
import { read } from './given.ts';
import { validValues } from './property-values.ts';

const names = [...PROPERTIES.keys()];
const obsolete = [...OBSOLETE_PROPERTIES.keys()];

describe('the table of properties', () => {
  it('contains each property under one heading', () => {
    const grouped = PROPERTY_GROUPS.flatMap(({ properties }) => Object.keys(properties));
    expect(grouped.toSorted()).toEqual(names.toSorted());
    expect(new Set(grouped).size).toBe(grouped.length);
  });

  it('gives each property, including obsolete ones, its own variable and flag', () => {
    const all = [...names, ...obsolete];
    expect(new Set(all.map(variableName)).size).toBe(all.length);
    expect(new Set(all.map(flagName)).size).toBe(all.length);
    for (const name of all) {
      expect(variableName(name)).toMatch(/^TCW(_[A-Z0-9]+)+$/);
      expect(flagName(name)).toBe(`--${variableName(name).slice(4).toLowerCase().replaceAll('_', '-')}`);
    }
  });

  it.each([
    ['rootURL', 'TCW_ROOT_URL', '--root-url'],
    ['workerId', 'TCW_WORKER_ID', '--worker-id'],
    ['privateIP', 'TCW_PRIVATE_IP', '--private-ip'],
    ['wstServerURL', 'TCW_WST_SERVER_URL', '--wst-server-url'],
    ['enableOSGroups', 'TCW_ENABLE_OS_GROUPS', '--enable-os-groups'],
    ['disableOOMProtection', 'TCW_DISABLE_OOM_PROTECTION', '--disable-oom-protection'],
    ['ed25519SigningKeyLocation', 'TCW_ED25519_SIGNING_KEY_LOCATION', '--ed25519-signing-key-location'],
    ['d2gConfig', 'TCW_D2G_CONFIG', '--d2g-config'],
    ['enableD2G', 'TCW_ENABLE_D2G', '--enable-d2g'],
    ['refreshURLsPrematurelySecs', 'TCW_REFRESH_URLS_PREMATURELY_SECS', '--refresh-urls-prematurely-secs'],
    ['livelogGETPort', 'TCW_LIVELOG_GET_PORT', '--livelog-get-port'],
  ])('%s is %s and %s', (name, variable, flag) => {
    expect([variableName(name), flagName(name)]).toEqual([variable, flag]);
  });

  it('describes each property in one line', () => {
    for (const { description } of PROPERTIES.values())
      expect(description).toMatch(/^[A-Z"a-z][^\n]{5,90}[^.\n]$/);
  });

  it('contains no obsolete name that is still in use', () => {
    expect(names.filter(name => OBSOLETE_PROPERTIES.has(name))).toEqual([]);
  });

  // generic-worker has accessToken and certificate (its PrivateConfig), and livelogSecret in its 10.x line. The others are tcw's own.
  it('marks the secret properties', () => {
    expect(names.filter(name => PROPERTIES.get(name)?.secret)).toEqual([
      'accessToken',
      'certificate',
      'staticSecret',
      'pulseUrl',
      'pulsePassword',
      'livelogSecret',
    ]);
  });

  it('returns a new copy of the defaults each time', () => {
    const defaults = configDefaults();
    expect(defaults).toMatchObject({ capacity: 1, provisionerId: 'test-provisioner', tasksDir: 'tasks' });
    expect(configDefaults().workerTypeMetadata).not.toBe(defaults.workerTypeMetadata);
  });
});

describe('the JSON schema of the configuration', () => {
  // Strict, and without plug-ins: whoever uses the schema may have none.
  const validate = new Ajv({ strict: true }).compile(configSchema());

  it('follows draft 07 and accepts every configuration that can be loaded', async () => {
    expect(configSchema().$schema).toBe('http://json-schema.org/draft-07/schema#');
    await fc.assert(
      fc.asyncProperty(validValues(names), async file => {
        const { config } = await read({ file });
        const plain = Object.entries(config).map(([name, value]: [string, unknown]) => [
          name,
          value instanceof Secret ? (value.reveal() as unknown) : value,
        ]);
        expect(validate(Object.fromEntries(plain)), JSON.stringify(validate.errors)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('refuses every configuration that is refused', () => {
    expect(validate({})).toBe(false);
    expect(validate({ ...requiredOnly(), capacity: 0 })).toBe(false);
    expect(validate({ ...requiredOnly(), capcity: 1 })).toBe(false);
    expect(validate(requiredOnly())).toBe(true);
  });

  it('contains the defaults', () => {
    const { properties } = configSchema() as { properties: Record<string, { default?: unknown }> };
    const defaults = Object.entries(properties).flatMap(([name, schema]) =>
      schema.default === undefined ? [] : [[name, schema.default]],
    );
    expect(Object.fromEntries(defaults)).toEqual(configDefaults());
  });
});

function requiredOnly() {
  return { rootURL: 'https://x', clientId: 'c', accessToken: 't', workerType: 'w', workerId: 'i' };
}
