import { describe, expect, it } from 'vitest';
import type { OwnRabbitmq } from './setting.ts';

/** The least that RabbitMQ lets a client negotiate. */
const FRAME_MAX = 4_096;

export function smallFrames(own: OwnRabbitmq): void {
  const setFrameMax = (bytes: number) =>
    own.rabbitmqctl('eval', `application:set_env(rabbit, frame_max, ${bytes}).`);

  describe('a broker with small frames', () => {
    it('receives no header frame that would end the connection (501), and large bodies in parts', async () => {
      await setFrameMax(FRAME_MAX);
      try {
        await own.withPulse(async (pulse, exchange) => {
          const { bodies } = await own.collect(pulse, exchange);
          const send = (n: number, options: object) => pulse.tryPublish(exchange, 'k', n, options);
          const routes = (count: number) => Array.from({ length: count }, () => 'r'.repeat(100));
          const long = 'x'.repeat(FRAME_MAX);
          const tooLong = {
            status: 'refused',
            error: { kind: 'invalid', message: expect.stringContaining('4096') },
          };
          const results = await Promise.all([
            send(1, {}),
            send(2, { headers: { long } }),
            send(3, { headers: { in: [{ long }] } }),
            send(4, { routes: routes(50) }),
            send(5, { routes: routes(20), headers: { long: 'x'.repeat(2_100) }, messageId: 'i'.repeat(255) }),
            send(6, { routes: routes(20), messageId: 'i'.repeat(255) }),
            pulse.tryPublish(exchange, 'k', long + long),
          ]);
          const ok = { status: 'confirmed' };
          expect(results).toMatchObject([ok, tooLong, tooLong, tooLong, tooLong, ok, ok]);
          await expect.poll(() => bodies).toEqual([1, 6, long + long]);
          expect((await own.ourConnections()).length).toBe(2);
        });
      } finally {
        await setFrameMax(131_072);
      }
    });
  });
}
