import { tmpdir } from 'node:os';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../src/cli/config/read.ts';
import { PROPERTIES, type Property } from '../../src/worker/config/index.ts';
import { asFlags, asVariables, read, refusal, required, type Given } from './given.ts';

const CANNOT_LOAD = 64;
const INVALID = 73;

describe('a configuration file that cannot be read', () => {
  it.each([
    ['/no/such/file.yml', 'there is no such file'],
    [tmpdir(), 'it is a directory'],
  ])('%s: %s', async (file, reason) => {
    const attempt = readConfig({ file, given: new Map(), rest: [], environment: {}, workingDirectory: '/' });
    await expect(attempt).rejects.toMatchObject({
      exitCode: CANNOT_LOAD,
      problems: [{ message: `file ${file} cannot be read: ${reason}` }],
    });
  });

  it.each([
    ['{\n  "capacity": four\n}', '.json', 'line 2, column 15: not JSON'],
    ['{"capacity": 4,\n}', '.json', 'line 2, column 1: not JSON'],
    ['{"capacity": 4', '.json', 'line 1, column 15: not JSON (it ends too early)'],
    ['capacity: 4', '.json', 'line 1, column 1: not JSON'],
    ['', '.json', ': it is empty'],
    ['{"capacity" 4}', '.config', 'line 1, column 13: not JSON'],
    ['rootURL: a\n\tcapacity: 4\n', '.yml', 'line 2, column 1: not YAML (tab as indent)'],
    ['capacity: 1\ncapacity: 2\n', '.yaml', 'line 2, column 1: not YAML (duplicate key)'],
    ['rootURL: !env ROOT_URL\n', '.yml', 'line 1, column 10: not YAML (tag resolve failed)'],
    ['capacity: *four\n', '.config', 'line 1, column 11: not YAML (alias of nothing)'],
    [billionLaughs(), '.yml', 'its aliases (*name) stand for too much'],
    ['[1, 2]', '.json', 'must contain one object with property names and values'],
    ['just words', '.yml', 'must contain one object with property names and values'],
  ])('%j as %s: %s', async (file, extension, reason) => {
    const error = await refusal({ file, extension });
    expect(error.exitCode).toBe(CANNOT_LOAD);
    expect(error.problems[0]?.message).toContain(reason);
  });

  it('leads to no message about missing properties, because the file may contain them', async () => {
    expect((await refusal({ file: '{' })).problems).toHaveLength(1);
  });
});

describe('an unknown property name', () => {
  it.each<[string, Given, string]>([
    ['file', { file: { ...required, rootUri: 'x' } }, 'unknown property rootUri; did you mean rootURL?'],
    ['file', { file: { ...required, capcity: 1 } }, 'unknown property capcity; did you mean capacity?'],
    ['file', { file: { ...required, colour: 1 } }, 'unknown property colour'],
    ['file', { file: '{"__proto__": 1}' }, 'unknown property __proto__'],
    [
      'environment',
      { file: required, environment: { TCW_ROOTURL: 'x' } },
      'unknown variable TCW_ROOTURL; did you mean TCW_ROOT_URL?',
    ],
    [
      'command line',
      { file: required, words: ['--worker-typ', 'x'] },
      'unknown option --worker-typ; did you mean --worker-type?',
    ],
    [
      'command line',
      { file: required, words: ['--rootURL=x'] },
      'unknown option --rootURL; did you mean --root-url?',
    ],
    ['command line', { file: required, words: ['-x'] }, 'unknown option -x'],
    [
      'command line',
      { file: required, words: ['tcw.yml'] },
      'a configuration file is given with --config FILE',
    ],
    [
      'file',
      { file: { ...required, d2gConfig: { allowGpu: true } } },
      'd2gConfig has no key allowGpu; did you mean allowGPUs?',
    ],
  ])('in the %s %j: %s', async (place, given, message) => {
    const error = await refusal(given);
    expect(error.exitCode).toBe(CANNOT_LOAD);
    expect(error.problems[0]?.message).toContain(place);
    expect(error.problems[0]?.message).toMatch(new RegExp(`${escaped(message)}$`));
  });

  it('is no mistake in a variable of the test suite or of another program', async () => {
    await read({
      file: required,
      environment: { TCW_TEST_PULSE_URL: 'x', TCWX: 'x', TASKCLUSTER_PROXY_URL: 'x' },
    });
  });
});

describe('a value of the wrong type', () => {
  const mistyped = (property: Property): unknown[] => {
    switch (property.type) {
      case 'integer':
      case 'seconds':
      case 'port':
        return ['4', 'four', 1.5, true, {}, []];
      case 'boolean':
        return ['true', 1, {}];
      case 'object':
        return ['{}', 1, true, []];
      case 'strings':
        return ['a', 1, true, {}];
      case 'ip':
        return ['10.0.0.256', 'example.com', 1];
      default:
        return [12_345, true, {}, []];
    }
  };
  const cases = [...PROPERTIES].flatMap(([name, property]) =>
    mistyped(property).map(value => [name, value] as const),
  );

  it.each(cases)('is reported for %s: %j in a file', async (name, value) => {
    const error = await refusal({ file: { ...required, [name]: value } });
    expect(error.exitCode).toBe(CANNOT_LOAD);
    expect(error.problems).toHaveLength(1);
    expect(error.problems[0]?.message).toMatch(new RegExp(`^file .*: ${name} must be `));
  });

  const texts = [
    ['capacity', 'four'],
    ['capacity', '1.5'],
    ['capacity', '0x10'],
    ['idleTimeoutSecs', '10s'],
    ['enableMounts', 'yes'],
    ['enableMounts', '1'],
    ['workerTypeMetadata', '{'],
    ['workerTypeMetadata', '[]'],
    ['publicIP', 'localhost'],
  ] as const;
  it.each(texts)('is reported for %s: %j in a variable and in a flag', async (name, text) => {
    const inVariable = await refusal({ file: required, environment: asVariables({ [name]: text }) });
    const inFlag = await refusal({ file: required, words: asFlags({ [name]: text }) });
    expect([inVariable.exitCode, inFlag.exitCode]).toEqual([CANNOT_LOAD, CANNOT_LOAD]);
    expect(inVariable.message).toMatch(new RegExp(`variable TCW_\\w+: ${name} must be .*; it is `));
    expect(inFlag.message).toMatch(new RegExp(`flag --[a-z-]+: ${name} must be .*; it is `));
  });

  it('is reported even if another source overrides it', async () => {
    const error = await refusal({ file: { ...required, capacity: 'four' }, words: ['--capacity', '4'] });
    expect(error.problems).toHaveLength(1);
  });

  it('may be another flag if a value was forgotten', async () => {
    const error = await refusal({ file: required, words: ['--worker-group', '--capacity', '4'] });
    expect(error.message).toContain('flag --worker-group needs a value, and --capacity follows it');
  });
});

describe('a configuration that can be loaded but is invalid', () => {
  const limits = [...PROPERTIES].flatMap(([name, { type, minimum, maximum }]) => {
    const lowest = type === 'seconds' || type === 'port' ? 0 : minimum;
    const highest = type === 'port' ? 65_535 : maximum;
    return [
      ...(lowest === undefined ? [] : [[name, lowest - 1] as const]),
      ...(highest === undefined ? [] : [[name, highest + 1] as const]),
    ];
  });
  const texts = [
    ['rootURL', 'tc.example.com'],
    ['rootURL', 'https://'],
    ['rootURL', 'https://tc.example.com/queue'],
    ['rootURL', 'https://user:password@tc.example.com'],
    ['rootURL', 'https://tc.example.com?x'],
    ['rootURL', 'https://tc.example.com#x'],
    ['rootURL', 'https://tc.example.com:99999'],
    ['rootURL', 'https://[::1'],
    ['rootURL', 'ftp://tc.example.com'],
    ['rootURL', 'https:\\\\tc.example.com'],
    ['provisionerId', 'with.dot'],
    ['workerGroup', 'with space'],
    ['workerId', 'x'.repeat(39)],
    ['workerType', 'Linux'],
    ['workerType', 'linux-'],
    ['pulseNamespace', 'a/b'],
    ['pulseUrl', 'https://pulse.mozilla.org'],
    ['containment', 'docker'],
    ['logLevel', 'trace'],
  ] as const;

  it.each([...limits, ...texts])('is refused for %s: %j', async (name, value) => {
    for (const given of [
      { file: { ...required, [name]: value } },
      { file: required, environment: asVariables({ [name]: value }) },
      { file: required, words: asFlags({ [name]: value }) },
    ]) {
      const error = await refusal(given);
      expect(error.exitCode).toBe(INVALID);
      expect(error.problems).toHaveLength(1);
      expect(error.message).toMatch(new RegExp(`: ${name} must be `));
    }
  });

  it('is accepted if an overriding source corrects it', async () => {
    const { config } = await read({ file: { ...required, capacity: 0 }, words: ['--capacity', '4'] });
    expect(config.capacity).toBe(4);
  });

  it.each(Object.keys(required))('is refused if %s is missing or empty', async name => {
    const others = Object.fromEntries(Object.entries(required).filter(([key]) => key !== name));
    for (const file of [others, { ...others, [name]: '' }, { ...others, [name]: null }]) {
      const error = await refusal({ file });
      expect(error.exitCode).toBe(INVALID);
      expect(error.problems).toHaveLength(1);
      expect(error.message).toMatch(
        new RegExp(`${name} is missing: give it in the configuration file, as TCW_\\w+.* or with --[a-z-]+$`),
      );
    }
  });

  it('is refused for ports that overlap, or if none is left', async () => {
    const overlap = await refusal({
      file: { ...required, capacity: 3, livelogPortBase: 60_000, interactivePort: 60_009 },
    });
    expect(overlap.exitCode).toBe(INVALID);
    expect(overlap.message).toContain(
      'livelogPortBase (ports 60000 to 60009) and interactivePort (60009 to 60017) overlap',
    );
    const above = await refusal({ file: { ...required, capacity: 2, taskclusterProxyPort: 65_532 } });
    expect(above.message).toContain('taskclusterProxyPort needs the ports 65532 to 65536');
  });

  it('may have any ports for a disabled feature', async () => {
    await read({ file: { ...required, livelogPortBase: 53_654, enableInteractive: false } });
  });
});

describe('all mistakes together', () => {
  it('are in one message, each with its place, and one that prevents loading determines the exit code', async () => {
    const error = await refusal({
      file: { clientId: 'c', capacity: 'four', colour: 'red' },
      environment: { TCW_CAPACITI: '1', TCW_LOG_LEVEL: 'loud' },
      words: ['--root-url', 'example.com', '--wrkr-id=x'],
    });
    expect(error.exitCode).toBe(CANNOT_LOAD);
    expect(error.problems).toHaveLength(9);
    expect(error.message.split('\n')).toHaveLength(10);
    for (const part of [
      'the configuration has 9 problems:',
      'unknown property colour',
      'capacity must be a whole number from 1 to 255; it is "four"',
      'unknown variable TCW_CAPACITI; did you mean TCW_CAPACITY?',
      'unknown option --wrkr-id; did you mean --worker-id?',
      'variable TCW_LOG_LEVEL: logLevel must be one of debug, info, warn, error; it is "loud"',
      'flag --root-url: rootURL must be a URL like https://tc.example.com, without a path; it is "example.com"',
      'accessToken is missing',
      'workerType is missing',
      'workerId is missing',
    ]) {
      expect(error.message).toContain(part);
    }
  });
});

describe('a secret in a configuration', () => {
  const secret = fc.stringMatching(/^[A-Za-z0-9_-]{12,24}$/).map(text => `s3cret${text}`);
  const leaks: ((text: string) => Given)[] = [
    text => ({ file: { ...required, accesToken: text } }),
    text => ({ file: { accessToken: [text] } }),
    text => ({ file: { pulseUrl: `https://user:${text}@host` } }),
    text => ({ file: { rootURL: `amqps://user:${text}@host` } }),
    text => ({ file: { queueBaseURL: text, livelogSecret: text } }),
    text => ({ file: `{"accessToken": ${text}` }),
    text => ({ file: `{"accessToken": "${text}" "${text}"}` }),
    text => ({ file: `accessToken: ${text}: ${text}\n- ${text}\n\t${text}`, extension: '.yml' }),
    text => ({ file: `accessToken: *${text}\npulsePassword: !${text} ${text}`, extension: '.yml' }),
    text => ({ file: `"${text}`, extension: '.yml' }),
    text => ({ file: text, extension: '.yml' }),
    text => ({ environment: { TCW_ACCES_TOKEN: text, TCW_PULSE_URL: text } }),
    text => ({ environment: { TASKCLUSTER_ACCESS_TOKEN: text } }),
    text => ({ words: [`--acces-token=${text}`, '--certificat', text] }),
    text => ({ words: ['--access-token', 'x', text] }),
    text => ({ words: ['--pulse-url', text] }),
  ];

  it.each(leaks.map(given => [given('…'), given] as const))(
    'never appears in a message: %j',
    async (_, given) => {
      await fc.assert(
        fc.asyncProperty(secret, async text => {
          expect((await refusal(given(text))).message).not.toContain(text);
        }),
        { numRuns: 10 },
      );
    },
  );

  it('is printed as [redacted] wherever the configuration is printed', async () => {
    const { config } = await read({
      file: { ...required, pulseUrl: 'amqp://user:SECRET@host', certificate: 'SECRET' },
    });
    const printed = JSON.stringify(config) + inspect(config) + `${config.accessToken.toString()}`;
    expect(printed).not.toMatch(/SECRET|TOKEN/);
    expect(config.accessToken.reveal()).toBe(required.accessToken);
  });
});

/** A text of a few hundred bytes that would unfold to 10^9 words. */
function billionLaughs(): string {
  const levels = Array.from({ length: 9 }, (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i}, `.repeat(10)}]`);
  return ['l0: &l0 ha', ...levels].join('\n');
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
