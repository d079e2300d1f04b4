import type { MemoryFaults } from './faults.ts';

/**
 * The way from a broker to a client: what is said arrives later, in order. As on a network, a message that is under
 * way still comes after a cancel was sent, and before its confirmation.
 */
export function wire(faults: MemoryFaults): (arrive: () => void) => void {
  let underWay: (() => void)[] = [];
  const arriveAll = () => {
    const arriving = underWay;
    underWay = [];
    for (const arrive of arriving) arrive();
  };
  return arrive => {
    underWay.push(arrive);
    if (underWay.length === 1) faults.later(arriveAll);
  };
}
