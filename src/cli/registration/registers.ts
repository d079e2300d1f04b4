import type { Sources } from '../config/read.ts';

/** Whether the configuration says that the worker registers with worker-manager. */
export function registers({ written, now }: Sources): boolean {
  const provider = providerIn({ written, now });
  return provider !== undefined && provider !== 'standalone';
}

/** The value of `provider` in the sources, whether valid or not. */
export function providerIn({ written, now }: Sources): unknown {
  const given = [...written, ...now].map(({ settings }) => settings.get('provider')?.value);
  return given.findLast(value => value !== undefined && value !== null && value !== '');
}
