import type { Property } from './property.ts';

/** How the worker joins its pool without worker-runner. */
export const registration = {
  provider: {
    type: 'string',
    default: 'standalone',
    oneOf: ['standalone', 'static', 'aws', 'google', 'azure'],
    description: 'Provider of this machine. All but standalone register with worker-manager',
    since: 'tcw',
  },
  workerPoolId: {
    type: 'string',
    pattern: {
      matches: '^[a-zA-Z0-9_-]{1,38}/[a-z]([-a-z0-9]{0,36}[a-z0-9])?$',
      meaning: 'provisionerId/workerType, as worker-manager has it',
    },
    description: 'Worker pool, as provisionerId/workerType. Clouds provide it automatically',
    since: 'tcw',
  },
  providerId: {
    type: 'string',
    pattern: { matches: '^[a-zA-Z0-9_-]{1,38}$', meaning: '1 to 38 letters, digits, "-" or "_"' },
    description: "The deployment's name for its static provider. Clouds provide it automatically",
    since: 'tcw',
  },
  staticSecret: {
    type: 'string',
    secret: true,
    pattern: { matches: '^[a-zA-Z0-9_-]{44}$', meaning: '44 letters, digits, "-" or "_"' },
    description: 'With provider static: the secret given to worker-manager for this worker',
    since: 'tcw',
  },
  registrationFile: {
    type: 'file',
    default: 'tcw-registration.json',
    description: 'File that keeps the registration across restarts. It contains credentials',
    since: 'tcw',
  },
  cloudMetadataUrl: {
    type: 'string',
    pattern: {
      matches: '^https?://[^\\s/?#@\\\\]+$',
      meaning: 'a URL like http://169.254.169.254, without a path',
    },
    description: "URL of the cloud's metadata service, if it is not the usual one",
    since: 'tcw',
  },
} as const satisfies Record<string, Property>;
