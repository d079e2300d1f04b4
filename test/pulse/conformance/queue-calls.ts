import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { binding, type PulseQueue, type TransportConnection } from '../../../src/pulse/index.ts';
import { queueCalls as callsOver } from '../../../src/pulse/topology/queue-call.ts';
import type { Setting } from './setting.ts';

export function queueCalls(setting: Setting): void {
  describe('a call to a queue that was not answered in time', () => {
    const TIMEOUT_MS = 200;
    let connection: TransportConnection;
    let queue: PulseQueue;

    beforeEach(async () => {
      const { under, pulse, exchange, queueOf } = setting;
      connection = await under.transport.connect(under.login);
      queue = pulse.queue(queueOf());
      await queue.declare([binding(exchange, '#')]);
      await pulse.publish(exchange, 'k', 'to be kept');
    });
    afterEach(() => connection.close());

    const callOver = (live: () => Promise<TransportConnection>) =>
      callsOver(live, () => 'nobody is there', TIMEOUT_MS);
    const isKept = async () => {
      await sleep(100);
      expect((await queue.inspect())?.messages).toBe(1);
    };

    it('is not made when the connection is finally open', async () => {
      const { promise: live, resolve } = Promise.withResolvers<TransportConnection>();
      const purged = callOver(() => live)('purged', channel => channel.purgeQueue(queue.name));
      await expect(purged).rejects.toMatchObject({
        kind: 'connection',
        message: 'the broker could not be asked within 200 ms (nobody is there): the queue was not purged',
      });
      resolve(connection);
      await isKept();
    });

    it('is not made when the channel is finally open', async () => {
      const { under } = setting;
      const call = callOver(async () => connection);
      under.freeze();
      let asked = false;
      const purged = call('purged', async channel => {
        asked = true;
        return channel.purgeQueue(queue.name);
      });
      await expect(purged).rejects.toMatchObject({ kind: 'connection' });
      // In memory a channel is open at once.
      const message = asked ? 'may have been purged' : 'was not purged';
      await expect(purged).rejects.toThrow(message);
      under.thaw();
      await isKept();
    });

    it('may have been executed if it was sent, and its next step is not sent', async () => {
      const { under } = setting;
      let followed = false;
      const purged = callOver(async () => connection)('purged', async channel => {
        under.freeze();
        await channel.bindQueue(queue.name, setting.exchange, 'x');
        followed = true;
        return channel.purgeQueue(queue.name);
      });
      await expect(purged).rejects.toMatchObject({
        kind: 'connection',
        message: 'no answer from the broker within 200 ms: the queue may have been purged anyway',
      });
      under.thaw();
      await isKept();
      expect(followed).toBe(false);
    });

    it('because its connection was lost may have been executed', async () => {
      const { under } = setting;
      const purged = callOver(async () => connection)('purged', async channel => {
        under.freeze();
        const purging = channel.purgeQueue(queue.name);
        const cut = under.cutConnections();
        under.thaw();
        await cut;
        return purging;
      });
      await expect(purged).rejects.toMatchObject({
        kind: 'connection',
        message: expect.stringContaining('may have been purged anyway'),
      });
    });
  });

  it('a refused call to a queue reports the reason', async () => {
    const connection = await setting.under.transport.connect(setting.under.login);
    const call = callsOver(
      async () => connection,
      () => undefined,
    );
    const purged = call('purged', channel => channel.purgeQueue(`queue/${setting.under.user}/nowhere`));
    await expect(purged).rejects.toMatchObject({
      kind: 'not-found',
      message: expect.not.stringMatching('may'),
    });
    await connection.close();
  });
}
