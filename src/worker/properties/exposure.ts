import type { Property } from './property.ts';

/** How somebody outside reaches a task: live logs, shells. */
export const exposure = {
  enableInteractive: {
    type: 'boolean',
    default: true,
    description: 'Whether payloads may ask for an interactive shell',
    since: 'generic-worker',
  },
  enableLiveLog: {
    type: 'boolean',
    default: true,
    description: 'Whether task logs can be read while they are written',
    since: 'generic-worker',
  },
  interactivePort: {
    type: 'port',
    default: 53_654,
    description: "Ports of generic-worker's shells; not needed: shells are served where live logs are",
    since: 'generic-worker',
  },
  livelogPortBase: {
    type: 'port',
    default: 60_098,
    description: "Ports of generic-worker's live log program; not needed, since the worker serves logs",
    since: 'generic-worker',
  },
  livelogExposePort: {
    type: 'port',
    default: 0,
    description: 'Port at publicIP where live logs and shells are served; 0 is any',
    since: 'generic-worker',
  },
  livelogCertificate: {
    type: 'file',
    description: 'Certificate, with its chain, for live logs and shells at publicIP; PEM',
    since: 'generic-worker',
  },
  livelogKey: {
    type: 'file',
    description: 'Key of livelogCertificate; PEM',
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
    description: 'Domain of the stateless DNS server whose names lead to publicIP',
    since: 'generic-worker',
  },
  livelogExecutable: {
    type: 'string',
    default: 'livelog',
    description: "generic-worker's live log program; not needed, since the worker serves logs",
    since: 'generic-worker',
  },
  wstAudience: {
    type: 'string',
    description: 'Audience of the websocktunnel through which live logs and shells are reached',
    since: 'generic-worker',
  },
  wstServerURL: {
    type: 'string',
    description: 'URL of that websocktunnel server',
    since: 'generic-worker',
  },
} as const satisfies Record<string, Property>;
