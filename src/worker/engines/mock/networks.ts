import { randomBytes } from 'node:crypto';
import type { Network, NetworkOptions } from '../container.ts';

/** Makes networks on the loopback interface. `open` has the ids of those that are not disposed of. */
export function mockNetworks(open: string[]): (options: NetworkOptions) => Promise<Network> {
  return async ({ runName, signal }) => {
    signal.throwIfAborted();
    const id = `${runName}-${randomBytes(4).toString('hex')}`;
    open.push(id);
    return {
      id,
      gateway: gateway(),
      subnet: '127.0.0.0/8',
      [Symbol.asyncDispose]: async () => {
        if (open.includes(id)) open.splice(open.indexOf(id), 1);
      },
    };
  };
}

/** Linux has all of 127.0.0.0/8 on the loopback interface, so that each network has an address of its own. */
function gateway(): string {
  if (process.platform !== 'linux') return '127.0.0.1';
  const [one = 0, other = 0] = randomBytes(2);
  return `127.77.${one}.${Math.max(1, Math.min(other, 254))}`;
}
