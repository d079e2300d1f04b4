import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import { connect, endpointFrom } from '../../src/pulse/index.ts';
import { faultProxy } from '../harness/fault-proxy.ts';
import { conformance } from './conformance.ts';

const { user, hostname, port } = endpointFrom({ url: inject('pulseUrl') });

conformance('RabbitMQ', async () => {
  const foreignExchange = `exchange/taskcluster-queue/test-${randomUUID()}`;
  const owner = connect({ url: inject('queuePulseUrl') });
  await owner.declareExchange(foreignExchange);
  await owner.close();

  const proxy = await faultProxy({ host: hostname, port });
  const url = new URL(inject('pulseUrl'));
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  return {
    user,
    foreignExchange,
    connect: ({ password } = {}) => connect({ url: url.href, password, backoff: { baseMs: 5, capMs: 50 } }),
    cutConnections: async () => {
      proxy.cut();
    },
    close: () => proxy.close(),
  };
});
