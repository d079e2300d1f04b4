import { createServer, type RequestListener } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { mockEngine } from '../../src/worker/engines/mock/index.ts';
import { Log, newFolder } from './native-fixtures.ts';
import { runFolderAt } from '../run-folder-at.ts';

async function open() {
  const folder = await newFolder();
  const sandbox = await mockEngine().open({ home: runFolderAt(folder) });
  onTestFinished(() => sandbox.close());
  const run = async (...argv: string[]) => {
    const output = new Log();
    const { exitCode } = await sandbox.run({ argv, env: { A: 'b' }, output, stdin: 'given' });
    return [exitCode, output.text];
  };
  return { sandbox, folder, run };
}

async function serving(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a command of the mock engine', () => {
  it('prints output', async () => {
    const { run, folder } = await open();
    expect(await run('print', 'a\n')).toEqual([0, 'a\n']);
    expect(await run('print-environment')).toEqual([0, 'A=b\0']);
    expect(await run('print-stdin')).toEqual([0, 'given']);
    expect(await run('print-folder')).toEqual([0, folder]);
    expect(await run('flood', '70000')).toEqual([0, 'x'.repeat(70_000)]);
  });

  it('creates files', async () => {
    const { run, folder } = await open();
    expect(await run('write-file', 'a/b.txt', 'text')).toEqual([0, '']);
    expect(await readFile(path.join(folder, 'a/b.txt'), 'utf8')).toBe('text');
    expect(await run('read-file', 'a/b.txt')).toEqual([0, 'text']);
    expect(await run('read-file', 'missing')).toEqual([1, expect.stringContaining('ENOENT')]);
  });

  it.each(['../out', '/etc/passwd', 'a/../../out'])('creates no files outside its folder: %s', async file => {
    const { run } = await open();
    for (const words of [
      ['read-file', file],
      ['write-file', file, ''],
      ['later', '0', file],
    ]) {
      expect(await run(...words)).toEqual([1, `${file} is not in the run's folder\n`]);
    }
  });

  it('can be several commands, up to the first that fails', async () => {
    const { run } = await open();
    const commands = [
      ['print', '1'],
      ['exit', '4'],
      ['print', '2'],
    ].map(command => JSON.stringify(command));
    expect(await run('all', ...commands)).toEqual([4, '1']);
    expect(await run('all', 'no JSON')).toEqual([1, expect.stringContaining('no JSON')]);
    expect(await run('all', '["no-word"]')).toEqual([1, 'not a word of the mock engine: "no-word"\n']);
  });

  it('makes requests, and reports error answers', async () => {
    const { run } = await open();
    const url = await serving((request, response) => {
      response.statusCode = request.url === '/found' ? 200 : 404;
      response.end(`at ${request.url}`);
    });
    expect(await run('get-url', `${url}/found`)).toEqual([0, 'at /found']);
    expect(await run('get-url', `${url}/lost`)).toEqual([22, 'at /lost']);
    expect(await run('get-url', 'http://127.0.0.1:1/')).toEqual([1, expect.stringContaining('ECONNREFUSED')]);
  });

  it('stops waiting for an answer when it is stopped', async () => {
    const { sandbox, run } = await open();
    const asked = Promise.withResolvers<undefined>();
    const url = await serving(() => {
      asked.resolve(undefined);
    });
    const running = run('get-url', url);
    await asked.promise;
    await sandbox.stop(60_000);
    expect(await running).toEqual([143, '']);
  });

  it.each(['constructor', '__proto__', 'toString', ''])('is refused: %j', async word => {
    const { run } = await open();
    await expect(run(word)).rejects.toThrow('executable file not found in $PATH');
  });
});

describe('the mock engine', () => {
  it('has the capabilities that a test configures', () => {
    expect([...mockEngine().capabilities]).toEqual(['host-files', 'own-user', 'background', 'peers']);
    expect([...mockEngine({ capabilities: [] }).capabilities]).toEqual([]);
  });
});

describe('a mock engine with containers', () => {
  const engine = mockEngine({ capabilities: ['containers', 'peers'] });
  const signal = new AbortController().signal;
  const log = { info: () => undefined, warn: () => undefined };

  it('runs payloads of docker-worker', () => {
    expect(engine.formats).toEqual(['docker-worker']);
  });

  it('has every image, with a digest of its name or its archive', async () => {
    const named = await engine.images?.get({ kind: 'named', name: 'a:1' }, { log, signal });
    const archive = {
      kind: 'archive',
      name: 'x',
      key: '0',
      open: async () => Readable.from(['a:', '1']),
    } as const;
    const same = await engine.images?.get(archive, { log, signal });
    expect(named?.isCached).toBe(false);
    expect(same).toMatchObject({ id: named?.id, isCached: true });
    expect(engine.asked.images.held).toEqual([named?.id, same?.id]);
    await named?.[Symbol.asyncDispose]();
    await named?.[Symbol.asyncDispose]();
    expect(engine.asked.images.held).toEqual([same?.id]);
    expect(engine.asked.images.wanted).toMatchObject([{ name: 'a:1' }, { name: 'x' }]);
  });

  it('has the files of a container in the run’s folder, and in its mounts', async () => {
    const [root, seen, deeper] = [await newFolder(), await newFolder(), await newFolder()];
    const binds = [
      { source: seen, target: '/seen' },
      { source: deeper, target: '/seen/deeper' },
    ];
    const sandbox = await engine.open({ home: runFolderAt(root), container: { image: 'x', binds } });
    onTestFinished(() => sandbox.close());
    const output = new Log();
    const run = (...argv: string[]) => sandbox.run({ argv, env: {}, output });
    await run('write-file', '/a/b', 'one');
    await run('write-file', '../../seen/c/d', 'two');
    await run('write-file', '/seen/deeper/e', 'three');
    await run('write-file', '/seendeeper', 'four');
    expect(await readFile(path.join(root, 'a/b'), 'utf8')).toBe('one');
    expect(await readFile(path.join(seen, 'c/d'), 'utf8')).toBe('two');
    expect(await readFile(path.join(deeper, 'e'), 'utf8')).toBe('three');
    expect(await readFile(path.join(root, 'seendeeper'), 'utf8')).toBe('four');
    const found: string[] = [];
    for await (const file of sandbox.files.walk('/seen/c/')) found.push(file);
    expect(found).toEqual(['/seen/c/d']);
    expect(await sandbox.files.open('/seen/none')).toEqual({ kind: 'missing' });
    await run();
    expect(output.text).toBe("the image's own command\n");
  });

  it('has networks on which its containers reach this process under its own host name', async () => {
    const network = await engine.openNetwork?.({ runName: 'run', signal });
    const hosts = { neighbour: '127.0.0.1' };
    const url = await serving(({ headers: { host } }, response) => response.end(host));
    const sandbox = await engine.open({
      home: runFolderAt(await newFolder()),
      container: { image: 'x', hosts, ...(network && { network }) },
    });
    onTestFinished(() => sandbox.close());
    const output = new Log();
    const { port } = new URL(url);
    await sandbox.run({ argv: ['get-url', `http://neighbour:${port}`], env: {}, output });
    expect(output.text).toBe(`neighbour:${port}`);
    expect(engine.asked.networks).toEqual([network?.id]);
    await network?.[Symbol.asyncDispose]();
    expect(engine.asked.networks).toEqual([]);
  });

  it('creates no container without an image', async () => {
    const home = runFolderAt(await newFolder());
    await expect(engine.open({ home, container: {} })).rejects.toThrow('a container needs an image');
  });
});
