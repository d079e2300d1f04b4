import { connect } from 'amqp-connection-manager';
import type { Contender } from './contender.ts';

export const contender: Contender = {
  async consume({ url, queue, prefetch, onBody }) {
    const connection = connect([url]);
    const channel = connection.createChannel({ json: true });
    await channel.consume(
      queue.name,
      message => {
        onBody(JSON.parse(message.content.toString()));
        channel.ack(message);
      },
      { prefetch },
    );
    await channel.waitForConnect();
    return () => connection.close();
  },
  async publishTo(url, exchange) {
    const connection = connect([url]);
    const channel = connection.createChannel({ json: true });
    await channel.waitForConnect();
    return {
      publish: (routingKey, body) =>
        channel.publish(exchange, routingKey, body, { persistent: true, contentType: 'application/json' }),
      close: () => connection.close(),
    };
  },
};
