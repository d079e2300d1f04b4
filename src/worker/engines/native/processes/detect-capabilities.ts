import type { Capability } from '../../engine.ts';
import { hasPty } from '../../terminal/index.ts';
import { canTellPeers } from './peers.ts';
import { canTellUsage } from './usage.ts';

/**
 * What an engine can do, what can be told of the processes of its runs, and whether there is a library for terminals.
 *
 * @param pid a process that has at least as many rights as those
 */
export async function withDetectedCapabilities(
  capabilities: readonly Capability[],
  pid: number,
): Promise<ReadonlySet<Capability>> {
  const all = new Set(capabilities);
  if (await canTellPeers(pid)) all.add('peers');
  if (canTellUsage(pid)) all.add('usage');
  if (hasPty()) all.add('terminals');
  return all;
}
