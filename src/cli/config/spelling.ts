/** The environment variable of a property: `TCW_ROOT_URL` for `rootURL`. */
export function variableName(property: string): string {
  return `TCW_${words(property).join('_').toUpperCase()}`;
}

/** The flag of a property: `--root-url` for `rootURL`. */
export function flagName(property: string): string {
  return `--${words(property).join('-').toLowerCase()}`;
}

/**
 * Splits a name into words. An acronym is one word, also in the plural: `refreshURLsPrematurelySecs` gives refresh,
 * URLs, Prematurely, Secs.
 */
function words(name: string): string[] {
  return name.match(/[A-Z]{2,}s(?![a-z])|[A-Z][A-Z0-9]*(?![a-z])|[A-Z]?[a-z0-9]+/g) ?? [name];
}
