import { randomUUID } from 'node:crypto';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { binding, namedQueue } from '../../../src/pulse/index.ts';
import type { Setting } from './setting.ts';

export function refusals(setting: Setting): void {
  describe('a permanent error', () => {
    it('is reported at once for a wrong password, as an error of the connection', async () => {
      const stranger = setting.under.connect({ password: 'wrong' });
      await expect(stranger.ready()).rejects.toMatchObject({ kind: 'credentials' });
      expect(await firstValueFrom(stranger.state$)).toMatchObject({ name: 'failed' });
      await stranger.close();
    });

    it('ends the consumers and refuses the messages of a connection that has failed', async () => {
      const { under, exchange, consuming } = setting;
      const stranger = under.connect({ password: 'wrong' });
      const early = consuming({}, stranger);
      await expect(early).rejects.toMatchObject({ kind: 'credentials' });
      const late = consuming({}, stranger);
      await expect(late).rejects.toMatchObject({ kind: 'credentials' });
      await expect(stranger.publish(exchange, 'k', 1)).rejects.toMatchObject({ kind: 'credentials' });
      await stranger.close();
    });

    /** Another stream of the same connection, before and after. */
    const unnoticed = async (refused: () => Promise<void>) => {
      const { pulse, exchange, consuming } = setting;
      const { next, events } = await consuming();
      await refused();
      await pulse.publish(exchange, 'k', 'fine');
      expect((await next()).body).toBe('fine');
      expect(events.map(({ type }) => type)).toEqual(['consuming']);
      expect(await firstValueFrom(pulse.state$)).toEqual({ name: 'connected' });
    };

    it('ends only the stream that requested a missing exchange', async () => {
      await unnoticed(async () => {
        const missing = setting.consuming({ bindings: [binding(`${setting.exchange}-missing`, '#')] });
        await expect(missing).rejects.toMatchObject({
          kind: 'not-found',
          message: expect.stringMatching(/-missing.*Check its name/),
        });
      });
    });

    it("ends only the stream that requested another user's queue", async () => {
      const { options } = setting.queueOf();
      const name = `queue/somebody-else/${randomUUID()}`;
      await unnoticed(async () => {
        const theirs = setting.consuming({ queue: { ephemeral: false, nameFor: () => name, options } });
        await expect(theirs).rejects.toMatchObject({
          kind: 'forbidden',
          message: expect.stringMatching(/somebody-else.*may write only/),
        });
      });
    });

    it('ends only the stream that requested a queue that exists with other arguments', async () => {
      const name = `test-${randomUUID()}`;
      const expiresMs = 60_000;
      (await setting.consuming({ queue: namedQueue(name, { expiresMs, maxLength: 5 }) })).end();
      await unnoticed(async () => {
        const other = setting.consuming({ queue: namedQueue(name, { expiresMs, maxLength: 6 }) });
        await expect(other).rejects.toMatchObject({
          kind: 'mismatch',
          message: expect.stringMatching(/exists with other arguments.*use another name/),
        });
      });
    });

    it('results from a pattern or name that does not fit into a frame', async () => {
      const tooLong = { exchange: setting.exchange, pattern: 'x'.repeat(256) };
      await expect(setting.consuming({ bindings: [tooLong] })).rejects.toMatchObject({ kind: 'invalid' });
      const endless = { exchange: `exchange/${'x'.repeat(250)}`, pattern: '#' };
      await expect(setting.consuming({ bindings: [endless] })).rejects.toMatchObject({ kind: 'invalid' });
      const { options } = setting.queueOf();
      const queue = { ...namedQueue('x'.repeat(250), { maxLength: 1 }), options };
      await expect(setting.consuming({ queue })).rejects.toMatchObject({
        kind: 'invalid',
        message: expect.stringContaining('queue name of 2'),
      });
      await setting.pulse.ready();
    });
  });
}
