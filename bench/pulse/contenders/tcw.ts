import { queueExchanges } from '../../../src/exchanges/index.ts';
import { binding, connect, namedQueue } from '../../../src/pulse/index.ts';
import type { Contender } from './contender.ts';

export const contender: Contender = {
  async consume({ url, queue, prefetch, validate, onBody }) {
    const { name, exchange, pattern, ...bounds } = queue;
    const pulse = connect({ url });
    await pulse.ready();
    const problems = queueExchanges.taskPending().problems;
    pulse
      .consume({
        queue: namedQueue(name.split('/').slice(2).join('/'), bounds),
        bindings: [binding(exchange, pattern, validate ? problems : undefined)],
        prefetch,
      })
      .subscribe(message => {
        onBody(message.body);
        message.ack();
      });
    return () => pulse.close();
  },
  async publishTo(url, exchange) {
    const pulse = connect({ url });
    await pulse.ready();
    const publisher = pulse.publisher(exchange);
    return {
      publish: (routingKey, body) => publisher.publish(routingKey, body),
      close: () => pulse.close(),
    };
  },
};
