// A task that prints at a steady pace: `lines <count> <every ms>`, each with the time, or `bulk <MB/s> <seconds>`.
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { nowMs } from './clock.ts';

const [kind, first = '0', second = '0'] = process.argv.slice(2);
const [amount, pace] = [Number(first), Number(second)];

/** Waits until the time of the next piece. Returns at once if that time has passed. */
async function until(timeMs: number): Promise<void> {
  const left = timeMs - nowMs();
  if (left > 0) await sleep(left);
}

const startedMs = nowMs();
if (kind === 'lines') {
  for (let line = 1; line <= amount; line++) {
    await until(startedMs + line * pace);
    writeSync(1, `at ${nowMs()}\n`);
  }
} else {
  const block = Buffer.from(`${'some text that a build prints '.repeat(3)}\n`.repeat(11_000));
  const blocks = Math.round((amount * pace * 1e6) / block.length);
  for (let count = 0; count < blocks; count++) {
    await until(startedMs + (count * block.length) / (amount * 1e3));
    for (let at = 0; at < block.length;) at += writeSync(1, block, at);
  }
}
