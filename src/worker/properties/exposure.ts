import type { Property } from './property.ts';

/** How readers outside reach a task: live logs and shells. */
export const exposure = {
  enableInteractive: {
    type: 'boolean',
    default: true,
    description: 'Allow payloads to request an interactive shell',
    since: 'generic-worker',
  },
  enableLiveLog: {
    type: 'boolean',
    default: true,
    description: 'Serve task logs while they are written',
    since: 'generic-worker',
  },
  interactivePort: {
    type: 'port',
    default: 53_654,
    description: "Ignored: generic-worker's port for shells. tcw serves shells on the live log port",
    since: 'generic-worker',
  },
  livelogPortBase: {
    type: 'port',
    default: 60_098,
    description: "Ignored: port of generic-worker's live log program. tcw serves logs itself",
    since: 'generic-worker',
  },
  livelogExposePort: {
    type: 'port',
    default: 0,
    description: 'Port for live logs and shells at publicIP. 0: any free port',
    since: 'generic-worker',
  },
  livelogCertificate: {
    type: 'file',
    description: 'PEM certificate chain for live logs and shells at publicIP',
    since: 'generic-worker',
  },
  livelogKey: {
    type: 'file',
    description: 'PEM key of livelogCertificate',
    since: 'generic-worker',
  },
  livelogSecret: {
    type: 'string',
    secret: true,
    description: 'Secret shared with the stateless DNS server of subdomain',
    since: 'generic-worker',
  },
  subdomain: {
    type: 'string',
    pattern: { matches: '^[a-zA-Z0-9-]+(\\.[a-zA-Z0-9-]+)*$', meaning: 'the name of a domain' },
    description: 'Domain of the stateless DNS server that resolves names to publicIP',
    since: 'generic-worker',
  },
  livelogExecutable: {
    type: 'string',
    default: 'livelog',
    description: "Ignored: generic-worker's live log program. tcw serves logs itself",
    since: 'generic-worker',
  },
  wstAudience: {
    type: 'string',
    description: 'Audience of the websocktunnel server for live logs and shells',
    since: 'generic-worker',
  },
  wstServerURL: {
    type: 'string',
    description: 'URL of the websocktunnel server for live logs and shells',
    since: 'generic-worker',
  },
} as const satisfies Record<string, Property>;
