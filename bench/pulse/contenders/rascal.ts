import rascal from 'rascal';
import type { Contender } from './contender.ts';

const { BrokerAsPromised } = rascal;
const VHOST = '/';

export const contender: Contender = {
  async consume({ url, queue, prefetch, onBody }) {
    const broker = await BrokerAsPromised.create({
      vhosts: {
        [VHOST]: {
          connection: { url },
          queues: { [queue.name]: { assert: false } },
          subscriptions: { all: { queue: queue.name, prefetch } },
        },
      },
    });
    const subscription = await broker.subscribe('all');
    subscription.on('message', (_message, content, ackOrNack) => {
      onBody(content);
      ackOrNack();
    });
    return () => broker.shutdown();
  },
  async publishTo(url, exchange) {
    const broker = await BrokerAsPromised.create({
      vhosts: {
        [VHOST]: {
          connection: { url },
          exchanges: { [exchange]: { assert: false } },
          publications: { all: { exchange, confirm: true, options: { persistent: true } } },
        },
      },
    });
    return {
      publish: async (routingKey, body) => {
        const publication = await broker.publish('all', body, routingKey);
        await new Promise((resolve, reject) => {
          publication.on('success', resolve).on('error', reject);
        });
      },
      close: () => broker.shutdown(),
    };
  },
};
