import { firstValueFrom, map } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Setting } from './setting.ts';

export function publishChecks(setting: Setting): void {
  const publish = (body: unknown, key = 'k') => setting.pulse.publish(setting.exchange, key, body);
  const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

  describe('a message that can not be', () => {
    it('refuses a routing key of 256 bytes before it is sent', async () => {
      await expect(publish({}, 'é'.repeat(128))).rejects.toMatchObject({ kind: 'invalid' });
      await publish({}, 'é'.repeat(127));
    });

    const circle: Record<string, unknown> = {};
    circle.self = circle;
    it.each([
      ['undefined', undefined],
      ['a function', () => 1],
      ['a bigint', { n: 1n }],
      ['a circle', circle],
    ])('refuses a body that JSON can not say: %s', async (_, body) => {
      await expect(publish(body)).rejects.toMatchObject({
        kind: 'invalid',
        message: expect.stringContaining('JSON'),
      });
    });

    it('refuses headers past 64 KiB before any frame is sent; what is in flight does not notice', async () => {
      const headers = { text: 'x'.repeat(70_000) };
      await setting.pulse.ready();
      const states: string[] = [];
      const watching = setting.pulse.state$
        .pipe(map(({ name }) => name))
        .subscribe(name => states.push(name));
      const before = numbers(20).map(n => publish(n));
      const bad = setting.pulse.publish(setting.exchange, 'k', {}, { headers });
      const after = numbers(20).map(n => publish(n));
      await expect(bad).rejects.toMatchObject({ kind: 'invalid' });
      await Promise.all([...before, ...after]);
      watching.unsubscribe();
      expect(states).toEqual(['connected']);
    });

    it('refuses an exchange with a name of 256 bytes before it is sent', async () => {
      const { pulse, under } = setting;
      const name = `exchange/${under.user}/`.padEnd(256, 'x');
      await expect(pulse.declareExchange(name)).rejects.toMatchObject({ kind: 'invalid' });
      await expect(pulse.publish(name, 'k', {})).rejects.toMatchObject({ kind: 'invalid' });
      await publish({});
      expect(await firstValueFrom(pulse.state$)).toEqual({ name: 'connected' });
    });
  });
}
