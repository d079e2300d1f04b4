import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { tcw } from './tcw.ts';

const folder = mkdtempSync(join(tmpdir(), 'tcw-schema-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

const POOL = {
  rootURL: 'https://tc.example.com',
  clientId: 'me',
  accessToken: 'no-token-at-all',
  provisionerId: 'test',
  workerType: 'pool',
  workerGroup: 'here',
  workerId: 'me',
};

interface Schema {
  readonly title: string;
  readonly required: readonly string[];
  readonly properties: Readonly<Record<string, { readonly properties?: object }>>;
}

/** What is printed for a worker with a few properties. */
async function shown(more: object, ...words: readonly string[]) {
  const file = join(folder, 'worker.json');
  writeFileSync(file, JSON.stringify({ ...POOL, ...more }));
  const { stdout, ...rest } = await tcw(['show-payload-schema', '--config', file, ...words]);
  return { ...rest, schema: stdout === '' ? undefined : (JSON.parse(stdout) as Schema) };
}

const SCRIPT = {
  engine: 'script',
  scriptCommand: ['/usr/local/bin/build'],
  scriptSchema: { properties: { colour: { type: 'string' } }, required: ['colour'] },
};

describe('tcw show-payload-schema', () => {
  it('prints the schema of everything that tcw accepts, of one format, or of what a worker accepts', async () => {
    const printed = async (...words: string[]) =>
      JSON.parse((await tcw(['show-payload-schema', ...words])).stdout) as object;
    const { schema } = await shown({});
    expect(schema).toEqual(await printed('--format', 'generic-worker'));
    const ofDocker = await printed('--format', 'docker-worker');
    expect(ofDocker).toMatchObject({ required: expect.arrayContaining(['image', 'maxRunTime']) as unknown });
    expect(await printed()).toMatchObject({ anyOf: [schema, ofDocker] });
    expect(Object.keys(schema?.properties ?? {})).toEqual(
      expect.arrayContaining(['command', 'mounts', 'osGroups']),
    );
  });

  it('omits what a pool disables', async () => {
    const { schema } = await shown({ enableOSGroups: false, enableTaskclusterProxy: false });
    expect(schema?.properties).toHaveProperty('mounts');
    expect(schema?.properties).not.toHaveProperty('osGroups');
    const { features } = schema?.properties ?? {};
    expect(features?.properties).toHaveProperty('chainOfTrust');
    expect(features?.properties).not.toHaveProperty('taskclusterProxy');
  });

  it.each([[[]], [['--format', 'script']]])('prints the schema of a script: %j', async words => {
    const { schema } = await shown(SCRIPT, ...words);
    expect(schema?.required).toEqual(['colour']);
    expect(Object.keys(schema?.properties ?? {})).toEqual(['maxRunTime', 'colour']);
  });

  it.each([
    ['generic-worker', SCRIPT],
    ['script', {}],
  ])('reports that a worker accepts no payloads of the format %s', async (format, more) => {
    const { exitCode, stderr } = await shown(more, '--format', format);
    expect([exitCode, stderr]).toEqual([
      73,
      `tcw: this worker accepts no payloads of the format ${format}\n`,
    ]);
  });

  it('reports an invalid configuration', async () => {
    const { exitCode, stderr } = await shown({ ...SCRIPT, scriptCommand: [] });
    expect([exitCode, stderr]).toEqual([
      73,
      'tcw: scriptCommand: the engine "script" needs a program. Name it, and its arguments, in a list.\n',
    ]);
    const missing = await tcw(['show-payload-schema', '--config', join(folder, 'no-file')]);
    expect(missing.exitCode).toBe(64);
    expect(missing.stderr).toContain('no-file');
  });

  it('needs a configuration for the schema of a script', async () => {
    const { exitCode, stderr } = await tcw(['show-payload-schema', '--format', 'script']);
    expect(exitCode).toBe(64);
    expect(stderr).toContain('Name its configuration with --config');
  });
});
