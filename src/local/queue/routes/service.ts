import type { Handlers } from '../../http/call.ts';

/** Whether anybody is there. */
export function serviceCalls(): Handlers {
  return {
    ping: () => ({ alive: true, uptime: process.uptime() }),
  };
}
