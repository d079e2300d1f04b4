import type { Note } from '../note.ts';
import type { Provider } from '../registration/identity.ts';
import { awsMetadata } from './aws-metadata.ts';
import { awsProvider } from './aws.ts';
import { azureProvider } from './azure.ts';
import { googleProvider } from './google.ts';
import { metadataService, type MetadataService } from './metadata-service.ts';
import { awsNotices, azureNotices, googleNotices } from './notice-questions.ts';
import type { SpotNotices } from './spot-notices.ts';

export type CloudName = 'aws' | 'google' | 'azure';

/** A cloud, as seen from the worker's machine. */
export interface Cloud {
  readonly service: MetadataService;
  readonly provider: Provider;
  readonly notices: SpotNotices;
}

const LINK_LOCAL = 'http://169.254.169.254';
const ADDRESSES = { aws: LINK_LOCAL, google: 'http://metadata.google.internal', azure: LINK_LOCAL } as const;
const NAMES = { aws: 'AWS', google: 'Google Cloud', azure: 'Azure' } as const;
/** Timeouts in ms. AWS's is short because AWS answers at once or not at all. */
const TIMEOUTS = { aws: 2_000, google: 10_000, azure: 10_000 } as const;

/** @param url the URL of the metadata service, if not the cloud's usual one */
export function connectCloud(name: CloudName, url: string | undefined, note: Note): Cloud {
  const service = metadataService({
    cloud: NAMES[name],
    url: url ?? ADDRESSES[name],
    timeoutMs: TIMEOUTS[name],
    note,
  });
  switch (name) {
    case 'aws': {
      const withTokens = awsMetadata(service);
      return { service: withTokens, provider: awsProvider(withTokens), notices: awsNotices };
    }
    case 'google':
      return { service, provider: googleProvider(service), notices: googleNotices };
    case 'azure':
      return { service, provider: azureProvider(service), notices: azureNotices };
  }
}
