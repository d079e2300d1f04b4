/** The ports of a worker's slots, each of which serves one run at a time. */
export interface SlotPorts {
  /** Takes the port of the first free slot. `release` gives it back. */
  take(): { readonly port: number; readonly release: () => void };
}

/** As in generic-worker, each slot has four ports. */
const PORTS_PER_SLOT = 4;
const LAST_PORT = 65_535;

/** @param first the port of the first slot; 0 for any port in each of them */
export function slotPorts(first: number): SlotPorts {
  const taken = new Set<number>();
  return {
    take: () => {
      let slot = 0;
      while (taken.has(slot)) slot++;
      taken.add(slot);
      const port = first + slot * PORTS_PER_SLOT;
      return {
        port: first === 0 || port > LAST_PORT ? 0 : port,
        release: () => {
          taken.delete(slot);
        },
      };
    },
  };
}
