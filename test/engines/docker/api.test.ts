import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { addressOf, connectDocker, DockerError } from '../../../src/worker/engines/docker/api/index.ts';
import { FrameReader } from '../../../src/worker/engines/docker/running/frames.ts';
import { gpuRequest } from '../../../src/worker/engines/docker/containers/gpu-request.ts';
import { answering } from '../../harness/docker/answering.ts';
import { faultEngine } from './fault-engine.ts';
import { client, host, image } from './fixtures.ts';

const VERSION = { Version: '99.1', Os: 'linux', Arch: 'amd64' };

describe('the address of a Docker engine', () => {
  it('is parsed like DOCKER_HOST', () => {
    expect(addressOf('unix:///var/run/docker.sock')).toMatchObject({ socketPath: '/var/run/docker.sock' });
    expect(addressOf('tcp://127.0.0.1:2376')).toEqual({
      name: 'tcp://127.0.0.1:2376',
      origin: 'http://127.0.0.1:2376',
    });
    expect(addressOf('tcp://engine')).toMatchObject({ origin: 'http://engine:2375' });
    expect(addressOf('tcp://[::1]:1')).toMatchObject({ origin: 'http://[::1]:1' });
  });

  it.each([
    '',
    'docker.sock',
    '/var/run/docker.sock',
    'unix://docker.sock',
    'ssh://host',
    'tcp://',
    'tcp://a/b',
    'tcp://u:p@a',
    'npipe:////./pipe/docker',
  ])('is invalid: %j', text => {
    expect(() => addressOf(text)).toThrow(/is not the address of a Docker engine/);
  });
});

describe('a client', () => {
  it('negotiates the version of the API with the engine', async () => {
    const { client: own, version } = await connectDocker(host);
    onTestFinished(() => own[Symbol.asyncDispose]());
    const engineVersion = await own.json<{ Version: string; ApiVersion: string }>({
      method: 'GET',
      path: '/version',
    });
    expect(version.engine).toBe(engineVersion.Version);
    const newer = await connectDocker(
      await answering({ ...VERSION, ApiVersion: '1.99', MinAPIVersion: '1.44' }),
    );
    onTestFinished(() => newer.client[Symbol.asyncDispose]());
    expect(newer.version.api).toBe('1.51');
  });

  it('reports why an engine does not work, and how to fix that', async () => {
    const failing = async (host: string) => {
      const error: unknown = await connectDocker(host).catch((error: unknown) => error);
      expect(error).toBeInstanceOf(DockerError);
      return (error as Error).message.replaceAll(host, 'HOST');
    };
    const fix = 'install docker.io, or set dockerHost';
    expect(await failing('unix:///no/such/docker.sock')).toBe(
      `no Docker engine answers at HOST (ENOENT): ${fix}`,
    );
    const { host: dead } = await faultEngine('tcp').then(engine => (engine.die(), engine));
    expect(await failing(dead)).toMatch(/^no Docker engine answers at HOST \([A-Z_]+\): install docker\.io/);
    expect(await failing(await answering({ ...VERSION, ApiVersion: '1.40' }))).toBe(
      'the Docker engine at HOST is too old: it is 99.1, with API 1.40; tcw needs API 1.41 (Docker 20.10)',
    );
    expect(await failing(await answering({ ...VERSION, ApiVersion: '1.99', MinAPIVersion: '1.90' }))).toBe(
      'the Docker engine at HOST is too new: it is 99.1, and requires at least API 1.90; this tcw supports at most API 1.51',
    );
    expect(await failing(await answering('not here', 404))).toBe(
      'the server at HOST is not a Docker engine: not here',
    );
    expect(await failing(await answering({}))).toBe('the server at HOST is not a Docker engine');
    expect(await failing(await answering('<html>'))).toMatch(/HOST/);
  });

  it('includes the message and status of the engine in its errors', async () => {
    const call = client.json({ method: 'GET', path: '/containers/none/json' });
    await expect(call).rejects.toThrow(new DockerError('No such container: none', { status: 404 }));
    await expect(call).rejects.toMatchObject({ status: 404 });
  });

  it('has a timeout for each answer, and stops when its signal is aborted', async () => {
    const slow = { method: 'GET', path: '/events' } as const;
    await expect(client.json({ ...slow, timeoutMs: 100 })).rejects.toThrow(
      /has not answered GET \/events in 0.1 s/,
    );
    const stopped = new AbortController();
    const call = client.json({ ...slow, signal: stopped.signal });
    stopped.abort(new Error('the run is over'));
    await expect(call).rejects.toThrow('the run is over');
    const { body } = await client.stream({ ...slow, signal: AbortSignal.timeout(200) });
    await expect(buffer(body)).rejects.toThrow(/timeout/i);
  });

  it('sends and receives streams', async () => {
    const { body } = await client.stream({ method: 'GET', path: `/images/${image.id}/get` });
    const archive = await buffer(body);
    expect(archive.length).toBeGreaterThan(1_000_000);
    const answer = await client.stream({
      method: 'POST',
      path: '/images/load',
      query: { quiet: true },
      headers: { 'content-type': 'application/x-tar' },
      body: Readable.from([archive]),
    });
    expect((await buffer(answer.body)).toString()).toContain('Loaded image');
  });
});

describe('the frames of an output stream', () => {
  it('are reassembled from chunks of any size', () => {
    const frame = fc.record({
      stream: fc.constantFrom('stdout', 'stderr'),
      content: fc.uint8Array({ maxLength: 50 }),
    });
    fc.assert(
      fc.property(
        fc.array(frame),
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
        (frames, sizes) => {
          const bytes = Buffer.concat(
            frames.flatMap(({ stream, content }) => {
              const header = Buffer.alloc(8);
              header[0] = stream === 'stderr' ? 2 : 1;
              header.writeUInt32BE(content.length, 4);
              return [header, content];
            }),
          );
          const reader = new FrameReader();
          let seen: [string, string][] = [];
          for (let at = 0, index = 0; at < bytes.length; index++) {
            const size = sizes[index % sizes.length] ?? 1;
            seen = seen.concat(
              [...reader.read(bytes.subarray(at, at + size))].map(([s, b]) => [s, b.toString('hex')]),
            );
            at += size;
          }
          const joined = (pairs: [string, string][]) =>
            pairs.flatMap(([stream, hex]) => (hex.match(/../g) ?? []).map(byte => `${stream} ${byte}`));
          expect(joined(seen)).toEqual(
            joined(frames.map(({ stream, content }) => [stream, Buffer.from(content).toString('hex')])),
          );
        },
      ),
    );
  });
});

it('graphics cards are requested in the syntax of the command line', () => {
  const Capabilities = [['gpu']];
  expect(gpuRequest('all')).toEqual({ Count: -1, Capabilities });
  expect(gpuRequest('2')).toEqual({ Count: 2, Capabilities });
  expect(gpuRequest('count=3')).toEqual({ Count: 3, Capabilities });
  expect(gpuRequest('device=0,1')).toEqual({ DeviceIDs: ['0', '1'], Capabilities });
  expect(gpuRequest('"device=GPU-1a"')).toEqual({ DeviceIDs: ['GPU-1a'], Capabilities });
  for (const text of ['', 'none', 'device=', '-1', 'all,all'])
    expect(() => gpuRequest(text)).toThrow('graphics cards');
});
