import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { TransportChannel } from '../../../src/pulse/index.ts';
import type { Setting } from './setting.ts';

/** The user of the whole suite may do what Pulse lets its users do, and no more: else the suite would prove nothing. */
export function leastPrivilege(setting: Setting): void {
  const options = { exclusive: false, durable: true, autoDelete: true, expiresMs: 60_000 };

  describe("the suite's user", () => {
    it.each<[string, (channel: TransportChannel) => Promise<unknown>]>([
      [
        'a queue of somebody else',
        channel => channel.declareQueue(`queue/somebody-else/${randomUUID()}`, options),
      ],
      ['a queue of no convention', channel => channel.declareQueue(`q-${randomUUID()}`, options)],
      [
        'an exchange of somebody else',
        channel => channel.declareExchange(`exchange/somebody-else/${randomUUID()}`),
      ],
      ['an exchange of no convention', channel => channel.declareExchange(`x-${randomUUID()}`)],
    ])('cannot declare %s', async (_, declare) => {
      const connection = await setting.under.transport.connect(setting.under.login);
      const channel = await connection.openChannel({ confirms: false });
      await expect(declare(channel)).rejects.toMatchObject({ kind: 'forbidden' });
      await connection.close();
    });

    it('cannot publish to the default exchange, and so to no queue', async () => {
      const connection = await setting.under.transport.connect(setting.under.login);
      const channel = await connection.openChannel({ confirms: true });
      const settled = new Promise(answer => {
        channel.publish('', 'queue/anybody', Buffer.from('1'), { routes: [] }, answer);
      });
      expect(await channel.closed).toMatchObject({ kind: 'forbidden' });
      expect(await settled).toMatchObject({ kind: 'forbidden' });
      await connection.close();
    });

    it('is refused the default exchange before any frame is sent', async () => {
      const { pulse } = setting;
      expect(await pulse.tryPublish('', 'k', 1)).toMatchObject({
        status: 'refused',
        error: { kind: 'invalid' },
      });
      expect(() => pulse.publisher('')).toThrow(expect.objectContaining({ kind: 'invalid' }));
    });
  });
}
