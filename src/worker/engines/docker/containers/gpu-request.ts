/** A `DeviceRequest` of the engine's API. */
export interface DeviceRequest {
  readonly Count?: number;
  readonly DeviceIDs?: readonly string[];
  readonly Capabilities: readonly (readonly string[])[];
}

/**
 * Parses the argument of `docker run --gpus`: `all`, a number, or `device=` and names, optionally in quotes.
 *
 * @throws Error for anything else
 */
export function gpuRequest(gpus: string): DeviceRequest {
  const Capabilities = [['gpu']];
  const words = gpus.trim().replace(/^(["'])(.*)\1$/, '$2');
  const [, count, names] = /^(?:(?:count=)?(all|\d+)|device=([^=]+))$/.exec(words) ?? [];
  if (count !== undefined) return { Count: count === 'all' ? -1 : Number(count), Capabilities };
  if (names !== undefined) return { DeviceIDs: names.split(','), Capabilities };
  throw new Error(`${gpus} is not a number of graphics cards: write all, a number of them, or device=0,1`);
}
