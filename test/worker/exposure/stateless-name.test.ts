import { expect, it } from 'vitest';
import { Secret } from '../../../src/base/index.ts';
import { statelessName } from '../../../src/worker/exposure/stateless-name.ts';

const name = {
  ip: '192.0.2.33',
  expires: Date.UTC(2026, 0, 1),
  secret: new Secret('the shared secret'),
  subdomain: 'taskcluster-worker.net',
};

it('makes the names that stateless-dns-server 0.2.1 makes', () => {
  // By its createHostname, for the same address, expiry and secret; the salt is what it had drawn.
  expect(statelessName({ ...name, salt: 61258 })).toBe(
    'yaaaeiiaaaazw5w2vaao6sqe3kpapejsxihwvm7aw42qoj3d.taskcluster-worker.net',
  );
});

it('makes another name each time', () => {
  const names = new Set(Array.from({ length: 20 }, () => statelessName(name)));
  expect(names.size).toBeGreaterThan(10);
});

it('has no name for IPv6', () => {
  expect(() => statelessName({ ...name, ip: '2001:db8::1' })).toThrow(
    'publicIP 2001:db8::1 is not an IPv4 address, which livelogSecret needs',
  );
});
