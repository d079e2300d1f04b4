import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { routeOf } from '../../../src/worker/features/proxy/route.ts';

describe('the path of a request to the proxy', () => {
  it.each([
    ['/api/queue/v1/ping', '/api/queue/v1/ping'],
    ['/api/purge-cache/v1/x?since=1&x=%20+', '/api/purge-cache/v1/x?since=1&x=%20+'],
    // From the time before deployments had one root URL.
    ['/queue/v1/task/a', '/api/queue/v1/task/a'],
    ['/queue.taskcluster.net/v1/task/a', '/api/queue/v1/task/a'],
    // Nothing is decoded, normalized or joined.
    ['/api/queue/v1/task//b', '/api/queue/v1/task//b'],
    ['/api/queue/v1/a%2Fb%2f%252F', '/api/queue/v1/a%2Fb%2f%252F'],
    ['/api/queue/v1/../x', '/api/queue/v1/../x'],
    ['/api/queue/v1/?', '/api/queue/v1/?'],
    ["/index/v1/a'b(c)!*;=:@|^`{}", "/api/index/v1/a'b(c)!*;=:@|^`{}"],
  ])('%s is a call of %s', (target, path) => {
    expect(routeOf(target)).toEqual({ kind: 'call', path });
  });

  it('may also be one of the proxy’s own two endpoints', () => {
    expect(routeOf('/bewit')).toEqual({ kind: 'bewit' });
    expect(routeOf('/bewit?x')).toEqual({ kind: 'bewit' });
    expect(routeOf('/health')).toEqual({ kind: 'health' });
  });

  it.each([
    '',
    '/',
    '*',
    '/api',
    '/api/queue',
    '/api/queue/v1',
    '/api//v1/x',
    '/api/queue/latest/x',
    '/bewitched',
    '/credentials',
    '/healthy',
    '//queue/v1/x',
    '/evil.example/v1/x',
    '/a/../queue/v1/x',
    'http://127.0.0.1/api/queue/v1/ping',
    '/queue.taskcluster.net.evil.example/v1/x',
    '/login',
    '/graphql',
  ])('%s is not found', target => {
    expect(routeOf(target)).toEqual({ kind: 'unknown' });
  });

  it('is passed on byte for byte, to an API of this deployment only', () => {
    const service = fc.stringMatching(/^[a-z][a-z-]{0,10}$/);
    fc.assert(
      fc.property(
        fc.boolean(),
        service,
        fc.nat(20),
        fc.string({ unit: 'binary' }),
        (isNew, name, version, rest) => {
          const target = `${isNew ? '/api' : ''}/${name}/v${version}/${rest}`;
          const route = routeOf(target);
          expect(route).toEqual({ kind: 'call', path: `/api/${name}/v${version}/${rest}` });
        },
      ),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), target => {
        const route = routeOf(target);
        if (route.kind === 'call') expect(route.path).toMatch(/^\/api\/[\w-]+\/v\d+\//);
      }),
    );
  });
});
