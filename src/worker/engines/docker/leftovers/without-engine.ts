import type { Engine } from '../../engine.ts';
import { connectDocker } from '../api/index.ts';
import { isTrace } from './labels.ts';
import { endLeftovers } from './leftovers.ts';

/** Ends leftovers for callers without an engine. If no Docker engine answers, there is nothing to end. */
export const dockerLeftovers: Required<Pick<Engine, 'endLeftovers'>> = {
  endLeftovers: async traces => {
    if (!traces.some(isTrace)) return 0;
    const connected = await connectDocker().catch(() => undefined);
    if (!connected) return 0;
    try {
      return await endLeftovers(connected.client, traces);
    } finally {
      await connected.client[Symbol.asyncDispose]();
    }
  },
};
