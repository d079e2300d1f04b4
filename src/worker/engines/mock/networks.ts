import { randomBytes } from 'node:crypto';
import type { Network, NetworkOptions } from '../container.ts';

/** Creates networks on the loopback interface. `open` has the IDs of those in use. */
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

/** On Linux, all of 127.0.0.0/8 is on the loopback interface, so each network has its own address. */
function gateway(): string {
  if (process.platform !== 'linux') return '127.0.0.1';
  const [one = 0, other = 0] = randomBytes(2);
  return `127.77.${one}.${Math.max(1, Math.min(other, 254))}`;
}
