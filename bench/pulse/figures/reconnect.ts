import { setTimeout as sleep } from 'node:timers/promises';
import { binding, connect, ephemeralQueue } from '../../../src/pulse/index.ts';
import { row, type Row } from '../../report/row.ts';
import type { PulseFigure } from './figure.ts';

const CONSUMERS = 50;
const BINDINGS_EACH = 20;
const AWAY_MS = 2_000;
/**
 * The same backoff for all: a client with longer waits would find the broker later for a reason other than its work.
 */
const BACKOFF = { baseMs: 100, capMs: 500 };
const ASK_EVERY_MS = 10;

/** A broker returns after an outage to a client with many consumers. */
export const reconnect: PulseFigure = {
  name: 'reconnect',
  async measure({ url, exchange, control, say }): Promise<Row[]> {
    if (control === undefined) return [];
    say(`reconnect: ${CONSUMERS} consumers, ${CONSUMERS * BINDINGS_EACH} bindings`);
    const pulse = connect({ url, backoff: BACKOFF });
    const heard = new Set<number>();
    for (let index = 0; index < CONSUMERS; index++) {
      const bindings = Array.from({ length: BINDINGS_EACH }, (_, number) =>
        binding(exchange, `consumer-${index}.${number}.#`),
      );
      pulse.consume({ queue: ephemeralQueue('bench'), bindings }).subscribe(message => {
        heard.add(index);
        message.ack();
      });
    }
    const all = async () => {
      heard.clear();
      while (heard.size < CONSUMERS) {
        const silent = Array.from({ length: CONSUMERS }, (_, index) => index).filter(
          index => !heard.has(index),
        );
        await Promise.all(
          silent.map(index => pulse.publish(exchange, `consumer-${index}.0.x`, {}).catch(() => undefined)),
        );
        await sleep(ASK_EVERY_MS);
      }
    };
    await all();
    await control.stop();
    await sleep(AWAY_MS);
    await control.start();
    const backMs = performance.now();
    await all();
    const tookMs = performance.now() - backMs;
    await pulse.close();
    const figure = `the broker is back → the last of ${CONSUMERS} consumers with ${CONSUMERS * BINDINGS_EACH} bindings delivers`;
    return [row(figure, 'ms', tookMs, undefined, { atMost: 2_000 })];
  },
};
