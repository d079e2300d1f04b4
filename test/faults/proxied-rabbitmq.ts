import { connect } from '../../src/pulse/index.ts';
import { faultProxy, type FaultProxy } from '../harness/fault-proxy.ts';
import { SOON, type TestBroker } from '../worker/test-broker.ts';

/** A real RabbitMQ, to which workers come through a proxy. */
export interface ProxiedRabbitmq extends TestBroker {
  readonly proxy: FaultProxy;
}

/** @param urls of the queue's user and of the workers' */
export async function proxiedRabbitmq(urls: {
  readonly queuePulseUrl: string;
  readonly pulseUrl: string;
}): Promise<ProxiedRabbitmq> {
  const url = new URL(urls.pulseUrl);
  const proxy = await faultProxy({ host: url.hostname, port: Number(url.port || 5672) });
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  return {
    proxy,
    connectOwner: () => connect({ url: urls.queuePulseUrl }),
    // A silent connection is noticed within three seconds instead of 45.
    connectWorker: () => connect({ url: url.href, heartbeatSecs: 1, connectTimeoutMs: 2_000, backoff: SOON }),
    cut: async () => {
      proxy.cut();
    },
    lose: async () => {
      proxy.refuse();
      proxy.cut();
    },
    find: () => {
      proxy.accept();
    },
    close: () => proxy.close(),
  };
}
