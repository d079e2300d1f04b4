// A thread that checks processes until all are dead. See processes.ts.
import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { nowMs } from './clock.ts';

const { pids, everyMs } = workerData as { readonly pids: readonly number[]; readonly everyMs: number };
const sleeping = new Int32Array(new SharedArrayBuffer(4));

/** A zombie (Z), which only waits for its parent, counts as dead: it no longer runs. */
function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

parentPort?.postMessage('looking');
let left = pids;
while ((left = left.filter(isAlive)).length > 0) Atomics.wait(sleeping, 0, 0, everyMs);
parentPort?.postMessage(nowMs());
