import type { Property } from './property.ts';

/** How the worker hears of events. */
export const pulse = {
  pulseUrl: {
    type: 'string',
    secret: true,
    pattern: {
      matches: '^amqps?://[^\\s]+$',
      meaning: 'a URL like amqps://user:password@host:5671/vhost',
    },
    description: 'Where Pulse is; may hold user and password. Without it the worker polls',
    since: 'tcw',
  },
  pulseUser: {
    type: 'string',
    description: 'Pulse user, before the one in pulseUrl and PULSE_USERNAME',
    since: 'tcw',
  },
  pulsePassword: {
    type: 'string',
    secret: true,
    description: 'Pulse password, before the one in pulseUrl and PULSE_PASSWORD',
    since: 'tcw',
  },
  pulseNamespace: {
    type: 'string',
    pattern: { matches: '^[^/\\s]+$', meaning: 'a name without "/" and spaces' },
    description: 'What the names of our queues begin with, after queue/; the Pulse user by default',
    since: 'tcw',
  },
} as const satisfies Record<string, Property>;
