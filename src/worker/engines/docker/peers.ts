import type { Network } from '../container.ts';
import type { Inspected } from './inspected.ts';

/**
 * The address of a container in its run's network, or in the engine's usual one where it has none of its own.
 *
 * @returns undefined when it has none, as one that has ended
 */
export function addressIn(
  { NetworkSettings: { Networks } }: Inspected,
  network: Network | undefined,
): string | undefined {
  const found = Object.values(Networks).find(
    ({ NetworkID }) => network === undefined || NetworkID === network.id,
  );
  return found?.IPAddress === '' ? undefined : found?.IPAddress;
}
