import { Connection } from 'rabbitmq-client';
import type { Contender } from './contender.ts';

export const contender: Contender = {
  async consume({ url, queue, prefetch, onBody }) {
    const connection = new Connection(url);
    const consumer = connection.createConsumer(
      { queue: queue.name, queueOptions: { passive: true }, qos: { prefetchCount: prefetch } },
      message => {
        onBody(message.body);
      },
    );
    return async () => {
      await consumer.close();
      await connection.close();
    };
  },
  async publishTo(url, exchange) {
    const connection = new Connection(url);
    await connection.onConnect();
    const publisher = connection.createPublisher({ confirm: true });
    return {
      publish: (routingKey, body) => publisher.send({ exchange, routingKey, durable: true }, body),
      close: async () => {
        await publisher.close();
        await connection.close();
      },
    };
  },
};
