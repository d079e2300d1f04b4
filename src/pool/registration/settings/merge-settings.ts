type Settings = Readonly<Record<string, unknown>>;

/**
 * Merges settings like worker-runner: objects are merged, lists are concatenated, and other values come from `upper`.
 */
export function mergeSettings(lower: Settings, upper: Settings): Settings {
  const merged = new Map(Object.entries(lower));
  for (const [name, value] of Object.entries(upper)) {
    merged.set(name, merged.has(name) ? mergeValues(merged.get(name), value) : value);
  }
  return Object.fromEntries(merged);
}

function mergeValues(lower: unknown, upper: unknown): unknown {
  if (Array.isArray(lower) && Array.isArray(upper)) return [...(lower as unknown[]), ...(upper as unknown[])];
  return isObject(lower) && isObject(upper) ? mergeSettings(lower, upper) : upper;
}

function isObject(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
