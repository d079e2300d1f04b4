import type { MemoryFaults } from './faults.ts';

/**
 * The path from a broker to a client. Everything arrives later and in order. As on a network, a message that is on
 * its way still arrives after the client has sent a cancel, and before the confirmation of the cancel.
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
