import type { Property } from '../../properties/index.ts';

/** A pool's properties for the chain of trust. */
export const properties = {
  enableChainOfTrust: {
    type: 'boolean',
    default: true,
    description: 'Allow payloads to request the chain of trust',
    since: 'generic-worker',
  },
  ed25519SigningKeyLocation: {
    type: 'file',
    description: 'Key that signs the chain of trust (see tcw new-ed25519-keypair)',
    since: 'generic-worker',
  },
  signingKeyLocation: {
    type: 'file',
    description: 'OpenPGP key, ASCII-armoured, that signs the older form of the chain of trust',
    since: 'generic-worker',
  },
} as const satisfies Record<string, Property>;
