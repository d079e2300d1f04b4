import { connect } from 'amqplib';
import type { Socket } from 'node:net';
import { expect, inject, it, vi } from 'vitest';
import { amqpConnection } from '../../src/pulse/transport/amqp/connection.ts';

it('messages that are published in one turn are sent in a few writes', async () => {
  const model = await connect(inject('pulseUrl'), { noDelay: true });
  const socket = (model.connection as unknown as { stream: Socket }).stream;
  const connection = amqpConnection(model, () => socket.destroy(), 60_000);
  try {
    const channel = await connection.openChannel({ confirms: true });
    const exchange = 'exchange/tcw-test/write-together';
    await channel.declareExchange(exchange);

    const writes = [vi.spyOn(socket, '_write'), vi.spyOn(socket, '_writev')];
    const turn = () =>
      Promise.all(
        Array.from(
          { length: 50 },
          () =>
            new Promise(settled => {
              channel.publish(exchange, 'k', Buffer.from('1'), { routes: [] }, settled);
            }),
        ),
      );
    for (const answer of await turn()) expect(answer).toEqual({ type: 'confirmed' });
    expect(writes.reduce((sum, { mock }) => sum + mock.calls.length, 0)).toBeLessThan(10);
  } finally {
    await connection.close();
    socket.destroy();
  }
});
