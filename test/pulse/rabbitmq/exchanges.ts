import { connect as connectRaw } from 'amqplib';
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { binding, type Pulse, type PulseError } from '../../../src/pulse/index.ts';
import { CONNECTION, type OwnRabbitmq } from './setting.ts';

const USER = 'tcw-test';

/** What others do to the exchange that a consumer has bound its queue to. */
export function exchanges(own: OwnRabbitmq): void {
  const onChannel = async <T>(work: (channel: Awaited<ReturnType<typeof open>>['channel']) => Promise<T>) => {
    const { connection, channel } = await open();
    const result = await work(channel);
    await connection.close();
    return result;
  };
  const open = async () => {
    const connection = await connectRaw(own.url);
    return { connection, channel: await connection.createConfirmChannel() };
  };

  /** Consumes one of two messages of an exchange that is not the consumer's own, and holds it. */
  const holding = async (pulse: Pulse) => {
    const exchange = `exchange/${USER}/${randomUUID()}`;
    const queue = own.durable();
    await onChannel(channel => channel.assertExchange(exchange, 'topic'));
    const held = Promise.withResolvers<undefined>();
    const ended = Promise.withResolvers<PulseError>();
    await pulse.queue(queue).declare([binding(exchange, '#')]);
    pulse.consume({ queue, bindings: [binding(exchange, '#')], prefetch: 1 }).subscribe({
      next: () => {
        held.resolve(undefined);
      },
      error: ended.resolve,
    });
    for (const id of [1, 2]) await pulse.publish(exchange, 'k', { id });
    await held.promise;
    const atTheNextConnection = async () => {
      await own.control.closeConnections(
        ({ connectionName }) => connectionName?.startsWith(CONNECTION) === true,
      );
      return ended.promise;
    };
    const waiting = async () => (await pulse.queue(queue).inspect())?.messages;
    return { exchange, atTheNextConnection, waiting };
  };

  describe('the exchange of a consumer', () => {
    it('ends the stream at the next connection if its owner has deleted it, and the queue keeps its messages', async () => {
      await own.withPulse(async pulse => {
        const { exchange, atTheNextConnection, waiting } = await holding(pulse);
        await onChannel(channel => channel.deleteExchange(exchange));
        expect(await atTheNextConnection()).toMatchObject({
          kind: 'not-found',
          message: expect.stringContaining(`no exchange '${exchange}'`),
        });
        await expect.poll(waiting).toBe(2);
      });
    });

    it('ends the stream at the next connection if it may no longer be read, and the queue keeps its messages', async () => {
      await own.withPulse(async pulse => {
        const { exchange, atTheNextConnection, waiting } = await holding(pulse);
        const ownNames = `^(queue/${USER}/.*|exchange/${USER}/.*)`;
        await own.rabbitmqctl('set_permissions', USER, ownNames, ownNames, `^queue/${USER}/.*`);
        try {
          expect(await atTheNextConnection()).toMatchObject({
            kind: 'forbidden',
            message: expect.stringContaining(`access to exchange '${exchange}' refused`),
          });
          await expect.poll(waiting).toBe(2);
        } finally {
          await own.control.restoreUsers();
        }
      });
    });
  });
}
