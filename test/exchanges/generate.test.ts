import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import references from './fixture/references.json' with { type: 'json' };

const generator = fileURLToPath(new URL('../../scripts/generate.ts', import.meta.url));
const fixture = fileURLToPath(new URL('fixture/references.json', import.meta.url));

interface Listed {
  filename: string;
  content: unknown;
}

let temporary: string;
beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'tcw-generate-'));
});
afterAll(() => rm(temporary, { recursive: true }));

/** Runs the generator as `npm run generate` does. */
function generate(...words: string[]): Promise<{ code: number; stderr: string }> {
  return new Promise(resolve => {
    const child = execFile(process.execPath, [generator, ...words], (_error, _stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stderr });
    });
  });
}

/** Generates into a new folder, or one that is there, and returns the folder. */
async function generated(location: string, name: string): Promise<string> {
  const folder = join(temporary, name);
  expect(await generate('--references', location, '--out', folder)).toEqual({ code: 0, stderr: '' });
  return folder;
}

/** All files below a folder, by path. */
async function filesIn(folder: string): Promise<Record<string, string>> {
  const paths = globSync('**/*.*', { cwd: folder }).sort();
  return Object.fromEntries(
    await Promise.all(paths.map(async path => [path, await readFile(join(folder, path), 'utf8')] as const)),
  );
}

/** Writes a list file like the fixture, with one document changed. */
async function listWith(filename: string, content: unknown): Promise<string> {
  const file = join(temporary, `${crypto.randomUUID()}.json`);
  const others = (references as Listed[]).filter(document => document.filename !== filename);
  await writeFile(file, JSON.stringify(content === undefined ? others : [...others, { filename, content }]));
  return file;
}

/** Serves documents as a deployment does, and 404 for everything else. */
async function deployment(documents: Listed[]): Promise<Server & AsyncDisposable & { rootUrl: string }> {
  const server = createServer((request, response) => {
    const found = documents.find(({ filename }) => `/${filename}` === request.url);
    response.statusCode = found ? 200 : 404;
    response.end(found ? JSON.stringify(found.content) : '<html>');
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(server, { rootUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

describe('the generator', () => {
  let files: Record<string, string>;
  beforeAll(async () => {
    files = await filesIn(await generated(fixture, 'all'));
  });

  it('writes exactly the schemas that are needed, the types and the tables', () => {
    expect(Object.keys(files)).toEqual([
      'schemas/taskcluster/hooks/v1/pulse-hook-changed-message.json',
      'schemas/taskcluster/queue/v1/annotate-request.json',
      'schemas/taskcluster/queue/v1/note-example.json',
      'schemas/taskcluster/queue/v1/pulse-task-defined-message.json',
      'schemas/taskcluster/queue/v1/task-running-message.json',
      'schemas/taskcluster/queue/v1/task-status.json',
      'src/exchanges/generated/hooks.ts',
      'src/exchanges/generated/queue.ts',
      'src/taskcluster/generated/api.ts',
    ]);
  });

  it('writes the useful part of another service if the manifest lists it', async () => {
    const path = 'references/secrets/v1/api.json';
    const call = (name: string) => ({ name, method: 'get', route: `/${name}`, args: [] });
    const entries = ['ping', 'get', 'list', 'remove', 'set', 'other'].map(call);
    const api = { filename: path, content: { serviceName: 'secrets', apiVersion: 'v1', entries } };
    const listed = (references as Listed[]).map(document => {
      const { references: paths } = document.content as { references?: string[] };
      return paths ? { ...document, content: { references: [...paths, `/${path}`] } } : document;
    });
    const location = join(temporary, 'secrets.json');
    await writeFile(location, JSON.stringify([...listed, api]));
    const module = (await filesIn(await generated(location, 'secrets')))[
      'src/taskcluster/generated/secrets-api.ts'
    ];
    expect(module).toContain('export const secretsApi');
    expect(module).toContain("route: '/set'");
    expect(module).not.toContain('other');
    const less = { ...api, content: { ...api.content, entries: entries.slice(0, 2) } };
    await writeFile(location, JSON.stringify([...listed, less]));
    expect(await generate('--references', location, '--out', temporary)).toEqual({
      code: 64,
      stderr: `generate: /${path} has no call list\n`,
    });
  });

  it('omits descriptions, but not properties with that name', () => {
    expect(Object.entries(files).filter(([, content]) => /prose/i.test(content))).toEqual([]);
    expect(JSON.parse(files['schemas/taskcluster/queue/v1/annotate-request.json'] ?? '')).toEqual({
      $schema: 'http://json-schema.org/draft-07/schema#',
      $id: '/taskcluster/queue/v1/annotate-request.json',
      type: 'object',
      properties: {
        title: { type: 'string', maxLength: 9 },
        description: { type: 'string' },
        examples: { $ref: 'note-example.json' },
      },
      additionalProperties: false,
      required: ['title'],
    });
  });

  it('declares a type once, in the exchanges if both use it', () => {
    const exchanges = files['src/exchanges/generated/queue.ts'] ?? '';
    const api = files['src/taskcluster/generated/api.ts'] ?? '';
    expect(exchanges.match(/interface TaskStatusStructure /g)).toHaveLength(1);
    expect(exchanges).toContain('runs: RunInformation[];');
    expect(exchanges).toContain("state?: 'running' | 'completed';");
    expect(api).not.toContain('interface TaskStatusStructure');
    expect(api).toContain(
      "import type { RunInformation, TaskStatusStructure } from '../../exchanges/index.ts';",
    );
  });

  it('describes the arguments, bodies and scopes of each call', () => {
    const api = files['src/taskcluster/generated/api.ts'] ?? '';
    expect(api).toContain('args: [taskId: string, runId: number];');
    expect(api).toContain('input: AnnotateRequest;\n    output: undefined;');
    expect(api).toContain("scopes: { AllOf: ['queue:annotate:<taskId>', { AnyOf: ['a', 'b'] }] },");
  });

  it('writes the same bytes again, from a list in another order or from a deployment', async () => {
    const backwards = join(temporary, 'backwards.json');
    await writeFile(backwards, JSON.stringify([...references].reverse()));
    expect(await filesIn(await generated(fixture, 'again'))).toEqual(files);
    expect(await filesIn(await generated(backwards, 'backwards'))).toEqual(files);
    await using server = await deployment(references);
    expect(await filesIn(await generated(server.rootUrl, 'live'))).toEqual(files);
    expect(await filesIn(await generated(`${server.rootUrl}/`, 'live'))).toEqual(files);
  });

  it('removes files of an earlier run, and nothing else', async () => {
    const folder = join(temporary, 'stale');
    const stale = ['schemas/taskcluster/queue/v0/old.json', 'src/exchanges/generated/old.ts'];
    const others = ['schemas/payload.json', 'src/exchanges/index.ts', 'src/taskcluster/index.ts'];
    for (const path of [...stale, ...others]) {
      await mkdir(join(folder, path, '..'), { recursive: true });
      await writeFile(join(folder, path), '');
    }
    const left = await filesIn(await generated(fixture, 'stale'));
    expect(Object.keys(left)).toEqual(expect.arrayContaining(others));
    for (const path of stale) expect(left).not.toHaveProperty([path]);
  });
});

describe('invalid input of the generator', () => {
  const exchangesFile = 'references/hooks/v1/exchanges.json';
  const schemaFile = 'schemas/queue/v1/task-status.json';
  const hooks = references.find(({ filename }) => filename === exchangesFile)?.content;
  const withEntry = (entry: object) => ({
    ...hooks,
    entries: [{ ...hooks?.entries?.[0], ...entry }],
  });

  /** Runs the generator, which must fail with one line, and leaves nothing. */
  async function failure(...words: string[]): Promise<{ code: number; line: string }> {
    const folder = join(temporary, crypto.randomUUID());
    const { code, stderr } = await generate(...words, '--out', folder);
    expect(stderr).toMatch(/^generate: [^\n]+\n$/);
    expect(globSync('**', { cwd: folder })).toEqual([]);
    return { code, line: stderr };
  }

  it.each<[string, string[], string]>([
    ['no references', [], 'usage: npm run generate'],
    ['an unknown option', ['--reference', 'x'], "Unknown option '--reference'; usage"],
    ['a missing file', ['--references', '/no/such/file.json'], 'cannot read /no/such/file.json'],
    ['a file that is not JSON', ['--references', generator], 'generate.ts is not JSON'],
    ['a URL below the root', ['--references', 'https://example.com/references/'], 'is not a root URL'],
  ])('leads to one line and exit code 64: %s', async (_, words, line) => {
    expect(await failure(...words)).toEqual({ code: 64, line: expect.stringContaining(line) });
  });

  it.each<[string, string, unknown, string]>([
    ['without a manifest', 'references/manifest.json', undefined, 'has no references/manifest.json'],
    ['of no exchanges', 'references/manifest.json', { references: [] }, 'lists no exchanges'],
    ['without a schema', schemaFile, undefined, `has no ${schemaFile}`],
    ['with a schema that is none', schemaFile, [], 'is not a JSON schema'],
    ['with an unknown keyword', schemaFile, { typo: 1 }, 'has the keyword typo'],
    [
      'with a schema elsewhere',
      schemaFile,
      { $ref: 'https://example.com/x.json' },
      'not among the references',
    ],
    ['with a schema of another shape', schemaFile, {}, 'there is no taskcluster/queue/v1/task-status.json#'],
    [
      'without entries',
      exchangesFile,
      { ...hooks, entries: undefined },
      "must have required property 'entries'",
    ],
    ['with a name that is no word', exchangesFile, withEntry({ name: 'a b' }), '/entries/0/name must match'],
    [
      'with a path that leaves',
      exchangesFile,
      withEntry({ schema: '../../x.json' }),
      'is not the path of a schema',
    ],
    [
      'with several words before the last part',
      exchangesFile,
      withEntry({
        routingKey: [
          { name: 'a', required: true, multipleWords: true },
          { name: 'b', required: true, multipleWords: false },
        ],
      }),
      'a part of several words is not the last',
    ],
  ])('leads to one line and exit code 64 if the list %s', async (_, filename, content, line) => {
    const { code, line: said } = await failure('--references', await listWith(filename, content));
    expect(said).toContain(line);
    expect(code).toBe(64);
  });

  it('leads to one line and exit code 64 if the file is not a list of documents', async () => {
    const file = join(temporary, 'object.json');
    await writeFile(file, '{}');
    const { code, line } = await failure('--references', file);
    expect(line).toContain('is not a list of {filename, content}');
    expect(code).toBe(64);
  });

  it('leads to one line and exit code 69 if the deployment is unreachable', async () => {
    const server = await deployment([]);
    await server[Symbol.asyncDispose]();
    const { code, line } = await failure('--references', server.rootUrl);
    expect(line).toContain(`cannot reach ${server.rootUrl}/references/manifest.json: `);
    expect(code).toBe(69);
  });

  it('leads to one line and exit code 69 if the server has no references', async () => {
    await using server = await deployment([]);
    const { code, line } = await failure('--references', server.rootUrl);
    expect(line).toContain(`${server.rootUrl}/references/manifest.json answered 404`);
    expect(code).toBe(69);
  });
});
