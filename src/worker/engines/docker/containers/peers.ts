import type { Network } from '../../container.ts';
import type { Inspected } from './inspected.ts';

/**
 * The address of a container in its run's network, or in the engine's default network where the run has none.
 *
 * @returns undefined when it has no address, as after its end
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
