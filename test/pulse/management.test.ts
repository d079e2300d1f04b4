import fc from 'fast-check';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createSocketServer, type AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { managementBindings, Secret } from '../../src/pulse/index.ts';

describe('a management API', () => {
  const asked: unknown[] = [];
  /** Answers with the status that the queue's name begins with, where it is one. */
  const server = createServer(({ url = '', headers }, response) => {
    const queue = decodeURIComponent(url.split('/')[4] ?? '');
    asked.push([url, headers.authorization]);
    const status = Number(/^\d+/.exec(queue)?.[0] ?? 200);
    const listed = [
      { source: '', routing_key: queue, destination: queue },
      { source: 'exchange/x/y', routing_key: 'a.#', destination: queue },
    ];
    const pages: Record<string, string> = { page: '<html>', object: '{}', nulls: '[null]', empty: '[{}]' };
    const body = pages[queue] ?? JSON.stringify(status === 200 ? listed : {});
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  });
  let host: string;
  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => void server.close());
  const failure = async (bindings: Promise<unknown>) => {
    const error: unknown = await bindings.catch((reason: unknown) => reason);
    return error as { kind: string; message: string };
  };

  it('returns the bindings of a queue', async () => {
    const bindings = managementBindings({ url: `http://${host}`, user: 'me', password: new Secret('pass') });
    expect(await bindings('queue/me/q')).toEqual([
      { exchange: '', pattern: 'queue/me/q' },
      { exchange: 'exchange/x/y', pattern: 'a.#' },
    ]);
    expect(asked.at(-1)).toEqual(['/api/queues/%2F/queue%2Fme%2Fq/bindings', `Basic ${btoa('me:pass')}`]);
  });

  it('is called as the user of its URL, unless another user is given', async () => {
    const url = `http://me:pass%2Fword@${host}/below`;
    await managementBindings({ url, vhost: 'other' })('q');
    expect(asked.at(-1)).toEqual(['/below/api/queues/other/q/bindings', `Basic ${btoa('me:pass/word')}`]);
    await managementBindings({ url: new Secret(url), user: 'you', password: 'p' })('q');
    expect(asked.at(-1)).toEqual(['/below/api/queues/%2F/q/bindings', `Basic ${btoa('you:p')}`]);
    await managementBindings({ url, user: '', password: new Secret(''), vhost: '' })('q');
    expect(asked.at(-1)).toEqual(['/below/api/queues/%2F/q/bindings', `Basic ${btoa('me:pass/word')}`]);
  });

  it.each([
    ['401', 'credentials', 'refused the user or the password: it answered 401 for 401'],
    ['403', 'forbidden', 'does not let this user read the bindings: it answered 403'],
    ['404', 'not-found', 'has no such queue: it answered 404'],
    ['500', 'connection', 'failed: it answered 500'],
    ['page', 'connection', 'did not return a list of bindings: '],
    ['object', 'connection', 'did not return a list of bindings: '],
    ['nulls', 'connection', 'did not return a list of bindings: '],
    ['empty', 'connection', 'did not return a list of bindings: '],
  ])('leads to the right error for its answer: %s', async (queue, kind, says) => {
    const error = await failure(managementBindings({ url: `http://me:SECRET@${host}` })(queue));
    expect(error).toMatchObject({ kind });
    expect(error.message).toContain(`the management API at ${host} ${says}`);
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('SECRET');
  });

  it.each(['the head', 'the body'])('is abandoned if it sends %s byte by byte', async part => {
    const dripping = createSocketServer(socket => {
      const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n`;
      socket.write(part === 'the head' ? 'HTTP/1.1 200 OK\r\nx: ' : `${head}\r\n[`);
      const drip = setInterval(() => socket.write(' '), 10);
      socket
        .on('error', () => undefined)
        .on('close', () => {
          clearInterval(drip);
        });
    }).listen(0, '127.0.0.1');
    await once(dripping, 'listening');
    const { port } = dripping.address() as AddressInfo;
    const url = `http://me:SECRET@127.0.0.1:${port}`;
    const error = await failure(managementBindings({ url, timeoutMs: 200 })('q'));
    expect(error).toMatchObject({ kind: 'connection', message: expect.stringContaining('timeout') });
    await new Promise(resolve => dripping.close(resolve));
  });

  it('that is unreachable is named in the error, without its password', async () => {
    const error = await failure(managementBindings({ url: 'http://me:SECRET@127.0.0.1:1' })('q'));
    expect(error).toMatchObject({ kind: 'connection' });
    expect(error.message).toContain('the management API at 127.0.0.1:1 cannot be reached: ');
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('SECRET');
  });

  it.each([
    'amqp://me:SECRET@h',
    'http//me:SECRET@h',
    'http://me:SECRET%@h',
    'http://me:1/SECRET@h',
    'http://me:SECRET@h?vhost=x',
    'http://me:SECRET@h/#/queues',
    'http://me:SECRET@h:0',
    'http://me:SEC%00RET@h',
    'http://me:SEC\nRET@h',
    'http://h:SECRET',
    'http://h',
  ])('cannot have the address %s', url => {
    let thrown: unknown;
    try {
      managementBindings({ url });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ kind: 'invalid' });
    expect(inspect(thrown, { depth: 9, showHidden: true })).not.toMatch(/SEC|RET/);
  });

  it('may have any address, or is refused without revealing its password', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 6 }),
      fc.constantFrom(...'/:@?#[]%& \\', '%00', 'h'),
    );
    const pieces = fc.array(piece, { maxLength: 8 }).map(all => all.join(''));
    fc.assert(
      fc.property(
        fc.constantFrom('http:', 'https:', 'ftp:', ''),
        pieces,
        pieces,
        (scheme, inside, behind) => {
          let thrown: unknown;
          try {
            managementBindings({ url: `${scheme}//me:sw0rd${inside}fish@h${behind}` });
          } catch (error) {
            thrown = error;
          }
          if (thrown !== undefined) expect(thrown).toMatchObject({ name: 'PulseError', kind: 'invalid' });
          expect(inspect(thrown, { depth: 9, showHidden: true })).not.toMatch(/sw0rd|fish/);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
