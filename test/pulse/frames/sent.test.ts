import { connect as connectRaw } from 'amqplib';
import fc from 'fast-check';
import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { describe, expect, inject, it } from 'vitest';
import { headerFrameBytes } from '../../../src/pulse/transport/amqp/publishing/frame-size.ts';
import { headerTable } from '../../../src/pulse/transport/header-table.ts';
import { deliveredHeaders } from '../../../src/pulse/transport/memory/delivered-headers.ts';
import {
  binding,
  connect,
  endpointFrom,
  ephemeralQueue,
  type PulseMessage,
} from '../../../src/pulse/index.ts';
import { sendableHeaders } from './sendable.ts';

const url = inject('pulseUrl');
const { user } = endpointFrom({ url });

describe('published headers', () => {
  it('arrive in the same form from RabbitMQ and the in-memory broker', async () => {
    const pulse = connect({ url });
    const exchange = `exchange/${user}/sent-${randomUUID()}`;
    await pulse.declareExchange(exchange);
    const messages: PulseMessage[] = [];
    const consuming = Promise.withResolvers<undefined>();
    pulse
      .consume({
        queue: ephemeralQueue('sent'),
        bindings: [binding(exchange, '#')],
        onEvent: ({ type }) => {
          if (type === 'consuming') consuming.resolve(undefined);
        },
      })
      .subscribe(message => {
        messages.push(message);
        message.ack();
      });
    await consuming.promise;
    const given: object[] = [];
    await fc.assert(
      fc.asyncProperty(sendableHeaders, async headers => {
        given.push(headers);
        expect(await pulse.tryPublish(exchange, 'k', 1, { headers })).toEqual({ status: 'confirmed' });
      }),
    );
    await expect.poll(() => messages.length).toBe(given.length);
    const expected = given.map(headers => deliveredHeaders(headerTable(headers).table));
    expect(messages.map(({ headers }) => headers)).toEqual(expected);
    await pulse.close();
  });

  it('have a size that is known exactly before they are sent', async () => {
    const connection = await connectRaw(url);
    const channel = await connection.createConfirmChannel();
    const exchange = `exchange/${user}/sent-${randomUUID()}`;
    await channel.assertExchange(exchange, 'topic', { autoDelete: true });
    const { stream } = connection.connection as unknown as { stream: Socket };
    const methodFrame = 7 + 4 + 2 + 1 + exchange.length + 2 + 1 + 1;
    await fc.assert(
      fc.asyncProperty(
        sendableHeaders,
        fc.array(fc.string()),
        fc.option(fc.uuid()),
        async (given, CC, messageId) => {
          const headers = headerTable(given).table;
          const options = {
            ...{ persistent: true, mandatory: false, contentType: 'application/json', headers },
            ...(CC.length > 0 && { CC }),
            ...(messageId !== null && { messageId }),
          };
          const before = stream.bytesWritten;
          channel.publish(exchange, 'k', Buffer.alloc(0), options);
          await once(channel, 'ack');
          expect(headerFrameBytes(options)).toBe(stream.bytesWritten - before - methodFrame);
        },
      ),
    );
    await connection.close();
  });
});
