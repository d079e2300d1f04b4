import type { Property } from './property.ts';

/** How the worker joins its pool where worker-runner does not do it. */
export const registration = {
  provider: {
    type: 'string',
    default: 'standalone',
    oneOf: ['standalone', 'static', 'aws', 'google', 'azure'],
    description: 'Who knows this machine. With any but standalone, the worker registers with worker-manager',
    since: 'tcw',
  },
  workerPoolId: {
    type: 'string',
    pattern: {
      matches: '^[a-zA-Z0-9_-]{1,38}/[a-z]([-a-z0-9]{0,36}[a-z0-9])?$',
      meaning: 'provisionerId/workerType, as worker-manager has it',
    },
    description: 'Worker pool: provisionerId and workerType in one property. A cloud tells it by itself',
    since: 'tcw',
  },
  providerId: {
    type: 'string',
    pattern: { matches: '^[a-zA-Z0-9_-]{1,38}$', meaning: '1 to 38 letters, digits, "-" or "_"' },
    description: "The deployment's name for its static provider. A cloud tells it by itself",
    since: 'tcw',
  },
  staticSecret: {
    type: 'string',
    secret: true,
    pattern: { matches: '^[a-zA-Z0-9_-]{44}$', meaning: '44 letters, digits, "-" or "_"' },
    description: 'With provider static: the secret with which the worker was made in worker-manager',
    since: 'tcw',
  },
  registrationFile: {
    type: 'file',
    default: 'tcw-registration.json',
    description: 'Where the registration is kept over restarts. It holds credentials',
    since: 'tcw',
  },
  cloudMetadataUrl: {
    type: 'string',
    pattern: {
      matches: '^https?://[^\\s/?#@\\\\]+$',
      meaning: 'a URL like http://169.254.169.254, without a path',
    },
    description: "Where the cloud's metadata service is, if not where that cloud has it",
    since: 'tcw',
  },
} as const satisfies Record<string, Property>;
