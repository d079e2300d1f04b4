import type { Capability } from '../../engine.ts';
import { hasPty } from '../../terminal/index.ts';
import { canIdentifyPeers } from './peers.ts';
import { canMeasureUsage } from './usage.ts';

/**
 * The given capabilities, and those that depend on the machine: attributing connections, measuring usage, terminals.
 *
 * @param pid a process with at least the rights of a run's processes
 */
export async function withDetectedCapabilities(
  capabilities: readonly Capability[],
  pid: number,
): Promise<ReadonlySet<Capability>> {
  const all = new Set(capabilities);
  if (await canIdentifyPeers(pid)) all.add('peers');
  if (canMeasureUsage(pid)) all.add('usage');
  if (hasPty()) all.add('terminals');
  return all;
}
