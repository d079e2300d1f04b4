import { readFileSync } from 'node:fs';

/**
 * Returns the version in package.json. The relative path to it is the same from the built files and from the source.
 */
export function version(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}
