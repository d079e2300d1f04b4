import { connect as connectRaw } from 'amqplib';
import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import { amqpTransport } from '../../src/pulse/transport/amqp/transport.ts';
import { connect, endpointFrom } from '../../src/pulse/index.ts';
import { faultProxy } from '../harness/fault-proxy.ts';
import { conformance } from './conformance.ts';

const direct = endpointFrom({ url: inject('pulseUrl') });

conformance('RabbitMQ', async () => {
  const foreignExchange = `exchange/taskcluster-queue/test-${randomUUID()}`;
  const owner = connect({ url: inject('queuePulseUrl') });
  await owner.declareExchange(foreignExchange);
  await owner.close();

  const proxy = await faultProxy({ host: direct.hostname, port: direct.port });
  const url = new URL(inject('pulseUrl'));
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  const endpoint = endpointFrom({ url: url.href });
  return {
    user: endpoint.user,
    foreignExchange,
    transport: amqpTransport(endpoint),
    login: { ...endpoint, connectionName: 'transport conformance' },
    connect: options => connect({ url: url.href, backoff: { baseMs: 5, capMs: 50 }, ...options }),
    cutConnections: async () => {
      proxy.cut();
    },
    freeze: () => {
      proxy.freeze();
    },
    thaw: () => {
      proxy.thaw();
    },
    deleteQueue: async name => {
      const connection = await connectRaw(inject('pulseUrl'));
      await (await connection.createChannel()).deleteQueue(name);
      await connection.close();
    },
    close: () => proxy.close(),
  };
});
