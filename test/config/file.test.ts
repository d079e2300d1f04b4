import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scanJson } from '../../src/cli/documents/json-scan.ts';
import { read, required } from './given.ts';

describe('a configuration file', () => {
  const yaml = Object.entries(required)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join('');

  it.each([
    ['.json', JSON.stringify(required)],
    ['.config', JSON.stringify(required)],
    ['.config', `\n  ${JSON.stringify(required)}`],
    ['.json', `\uFEFF${JSON.stringify(required)}`],
    ['.yml', yaml],
    ['.yaml', `---\n# ours\n${yaml}`],
    ['.YML', yaml],
    ['.config', yaml],
    ['', yaml],
    // JSON is YAML, with a comma more if one likes.
    ['.yml', JSON.stringify(required, undefined, 2).replace(/\n}$/, ',\n}')],
  ])('%s: %j', async (extension, file) => {
    const { config } = await read({ file, extension });
    expect(config).toMatchObject({ workerId: required.workerId, workerType: required.workerType });
  });

  it('is YAML 1.2: yes is a string, and 010 is ten', async () => {
    const file = `${yaml}workerGroup: yes\ncapacity: 010\n`;
    expect((await read({ file, extension: '.yml' })).config).toMatchObject({
      workerGroup: 'yes',
      capacity: 10,
    });
  });

  it('may be empty if every required property is set elsewhere', async () => {
    const environment = {
      TASKCLUSTER_ROOT_URL: required.rootURL,
      TASKCLUSTER_CLIENT_ID: required.clientId,
      TASKCLUSTER_ACCESS_TOKEN: required.accessToken,
      TCW_WORKER_TYPE: required.workerType,
      TCW_WORKER_ID: required.workerId,
    };
    expect((await read({ file: '', extension: '.yml', environment })).config.capacity).toBe(1);
  });
});

describe('scanJson', () => {
  it.each([
    ['', 0],
    ['{', 1],
    ['{"a": 1,}', 8],
    ['[1,]', 3],
    ['[,]', 1],
    ['{,}', 1],
    ['{"a":}', 5],
    ['[1 2]', 3],
    ['{"a" 1}', 5],
    ['{a: 1}', 1],
    ['[01]', 2],
    ['"tab\there"', 0],
    ['"\\q"', 0],
    ['[] []', 3],
    ['[1}', 2],
  ])('%j: %d', (text, offset) => {
    expect(scanJson(text)).toBe(offset);
  });

  it('finds no syntax error in valid JSON', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(undefined, 2, '\t'), (text, indent) => {
        expect(scanJson(JSON.stringify(JSON.parse(text), undefined, indent))).toBeUndefined();
      }),
    );
  });

  it('finds a syntax error exactly if JSON.parse does', () => {
    const damaged = fc
      .tuple(fc.json(), fc.nat(), fc.nat(3), fc.stringMatching(/^[{}[\]:,"0-9a-z\\ \n-]{0,3}$/))
      .map(([text, at, length, insertion]) => {
        const start = at % (text.length + 1);
        return text.slice(0, start) + insertion + text.slice(start + length);
      });
    fc.assert(
      fc.property(damaged, text => {
        expect(scanJson(text) === undefined).toBe(isJson(text));
      }),
      { numRuns: 2000 },
    );
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
