import type { Property } from './property.ts';

/** The Taskcluster deployment, and the worker's credentials. */
export const deployment = {
  rootURL: {
    type: 'string',
    required: true,
    pattern: {
      matches: '^[hH][tT][tT][pP][sS]?://[^\\s/?#@\\\\]+/*$',
      meaning: 'a URL like https://tc.example.com, without a path',
    },
    normal: text => (URL.canParse(text) ? new URL(text).origin : undefined),
    description: 'Root URL of the Taskcluster deployment',
    standardVariable: 'TASKCLUSTER_ROOT_URL',
    since: 'generic-worker',
  },
  clientId: {
    type: 'string',
    required: true,
    description: 'Client id of the worker',
    standardVariable: 'TASKCLUSTER_CLIENT_ID',
    since: 'generic-worker',
  },
  accessToken: {
    type: 'string',
    required: true,
    secret: true,
    description: 'Access token for clientId',
    standardVariable: 'TASKCLUSTER_ACCESS_TOKEN',
    since: 'generic-worker',
  },
  certificate: {
    type: 'string',
    secret: true,
    description: 'Certificate, as JSON text. Only temporary credentials have one',
    standardVariable: 'TASKCLUSTER_CERTIFICATE',
    since: 'generic-worker',
  },
} as const satisfies Record<string, Property>;
