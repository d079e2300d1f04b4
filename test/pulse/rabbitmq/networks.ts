import { filter, firstValueFrom, skip } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { endpointFrom } from '../../../src/pulse/index.ts';
import { faultProxy } from '../../harness/fault-proxy.ts';
import type { OwnRabbitmq } from './setting.ts';

const MESSAGES = Array.from({ length: 300 }, (_, number) => number);

/** Networks that break in the middle of things. Each message is heard at least once, and each publish settles. */
export function networks(own: OwnRabbitmq): void {
  const { withPulse, collect, durable } = own;

  async function throughProxy() {
    const { hostname, port } = endpointFrom({ url: own.url });
    const proxy = await faultProxy({ host: hostname, port });
    onTestFinished(() => proxy.close());
    const url = new URL(own.url);
    url.port = String(proxy.port);
    return { proxy, url: url.href };
  }

  describe('a network', () => {
    it('that loses one side of a connection is detected by heartbeats', async () => {
      const { proxy, url } = await throughProxy();
      await withPulse(async (pulse, exchange) => {
        const { bodies, consumed, consumers } = await collect(pulse, exchange, durable());
        proxy.halfOpen();
        await expect.poll(consumed).toBe(2);
        await pulse.publish(exchange, 'k', 'heard again');
        await expect.poll(() => bodies).toContain('heard again');
        expect(await consumers()).toBe(1);
      }, url);
    });

    it.each([2_000, 20_000, 60_000])('that cuts after %i bytes loses nothing', async bytes => {
      const { proxy, url } = await throughProxy();
      await withPulse(async (pulse, exchange) => {
        const { bodies, consumed } = await collect(pulse, exchange, durable());
        proxy.cutAfter(bytes);
        await Promise.all(MESSAGES.map(number => pulse.publish(exchange, 'k', number)));
        const heard = () => [...new Set(bodies)].sort((one, other) => Number(one) - Number(other));
        await expect.poll(heard).toEqual(MESSAGES);
        await expect.poll(consumed).toBeGreaterThan(0);
      }, url);
    });

    it('that is slow causes no errors', async () => {
      const { proxy, url } = await throughProxy();
      proxy.delay(50);
      await withPulse(async (pulse, exchange) => {
        const { bodies, events } = await collect(pulse, exchange, durable());
        await Promise.all(MESSAGES.map(number => pulse.publish(exchange, 'k', number)));
        await expect.poll(() => bodies).toEqual(MESSAGES);
        expect(events.filter(({ type }) => type === 'interrupted')).toEqual([]);
      }, url);
    });

    it('that refuses connections for a while is retried until it accepts', async () => {
      const { proxy, url } = await throughProxy();
      await withPulse(async (pulse, exchange) => {
        const { bodies, consumed, consumers } = await collect(pulse, exchange, durable());
        const tries$ = pulse.state$.pipe(filter(({ name }) => name === 'waiting'));
        const thirdTry = firstValueFrom(tries$.pipe(skip(2)));
        proxy.refuse();
        proxy.cut();
        const published = pulse.publish(exchange, 'k', 'meanwhile');
        await thirdTry;
        proxy.accept();
        await published;
        await expect.poll(() => bodies).toContain('meanwhile');
        expect(consumed()).toBe(2);
        expect(await consumers()).toBe(1);
      }, url);
    });
  });
}
