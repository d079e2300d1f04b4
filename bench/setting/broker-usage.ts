import { setTimeout as sleep } from 'node:timers/promises';
import type { BrokerControl } from '../../test/harness/broker-control.ts';

/** The cost of a broker for its machine. */
export interface BrokerCost {
  readonly memoryMb: number;
  readonly cpuMsAMinute: number;
}

/** Measures a broker for a while, after it has settled. */
export async function watchBroker(
  usage: BrokerControl['usage'],
  { settleMs, watchMs }: { readonly settleMs: number; readonly watchMs: number },
): Promise<BrokerCost> {
  await sleep(settleMs);
  const before = await usage();
  await sleep(watchMs);
  const after = await usage();
  return {
    memoryMb: after.memoryBytes / 1e6,
    cpuMsAMinute: ((after.cpuMs - before.cpuMs) * 60_000) / watchMs,
  };
}
