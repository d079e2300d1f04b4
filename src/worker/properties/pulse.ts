import type { Property } from './property.ts';

/** The worker's connection to Pulse. */
export const pulse = {
  pulseUrl: {
    type: 'string',
    secret: true,
    pattern: {
      matches: '^(amqps?://[^\\s]+|production)$',
      meaning: 'a URL like amqps://user:password@host:5671/vhost, or the word production',
    },
    standardVariable: 'PULSE_URL',
    description: "Pulse's URL, or production for Mozilla's. Without it the worker polls",
    since: 'tcw',
  },
  pulseUser: {
    type: 'string',
    description: 'Pulse user. Overrides pulseUrl and PULSE_USERNAME',
    since: 'tcw',
  },
  pulsePassword: {
    type: 'string',
    secret: true,
    description: 'Pulse password. Overrides pulseUrl and PULSE_PASSWORD',
    since: 'tcw',
  },
  pulseNamespace: {
    type: 'string',
    pattern: { matches: '^[^/\\s]+$', meaning: 'a name without "/" and spaces' },
    description: "Prefix of this worker's queue names, after queue/. Default: the Pulse user",
    since: 'tcw',
  },
} as const satisfies Record<string, Property>;
