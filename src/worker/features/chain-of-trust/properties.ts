import type { Property } from '../../properties/index.ts';

/** What a pool may say about the chain of trust. */
export const properties = {
  enableChainOfTrust: {
    type: 'boolean',
    default: true,
    description: 'Whether payloads may ask for the chain of trust',
    since: 'generic-worker',
  },
  ed25519SigningKeyLocation: {
    type: 'file',
    description: 'Key that signs the chain of trust (tcw new-ed25519-keypair makes one)',
    since: 'generic-worker',
  },
  signingKeyLocation: {
    type: 'file',
    description: 'OpenPGP key that signs the older form of the chain of trust, ASCII-armoured',
    since: 'generic-worker',
  },
} as const satisfies Record<string, Property>;
