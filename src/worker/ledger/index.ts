export { openLedger, type Entry, type Ledger } from './ledger.ts';
export { removeLeftovers } from './remove-leftovers.ts';
export { holdFifo, isFifoHeld } from './sign-of-life.ts';
