import { connect } from 'amqplib';
import type { Contender } from './contender.ts';

export const contender: Contender = {
  async consume({ url, queue, prefetch, onBody }) {
    const connection = await connect(url);
    const channel = await connection.createChannel();
    await channel.prefetch(prefetch);
    await channel.consume(queue.name, message => {
      if (message === null) return;
      onBody(JSON.parse(message.content.toString()));
      channel.ack(message);
    });
    return () => connection.close();
  },
  async publishTo(url, exchange) {
    const connection = await connect(url);
    const channel = await connection.createConfirmChannel();
    return {
      publish: (routingKey, body) =>
        new Promise((resolve, reject) => {
          const properties = { persistent: true, contentType: 'application/json' };
          channel.publish(exchange, routingKey, Buffer.from(JSON.stringify(body)), properties, error => {
            if (error instanceof Error) reject(error);
            else resolve(undefined);
          });
        }),
      close: () => connection.close(),
    };
  },
};
