/** What the engine is asked for, beside the devices that are named one by one. */
export interface DeviceRequest {
  readonly Count?: number;
  readonly DeviceIDs?: readonly string[];
  readonly Capabilities: readonly (readonly string[])[];
}

/**
 * Reads what `docker run --gpus` takes: `all`, a count, or `device=` and names, in quotes where a shell would need them.
 *
 * @throws Error for anything else
 */
export function gpuRequest(gpus: string): DeviceRequest {
  const Capabilities = [['gpu']];
  const words = gpus.trim().replace(/^(["'])(.*)\1$/, '$2');
  const [, count, names] = /^(?:(?:count=)?(all|\d+)|device=([^=]+))$/.exec(words) ?? [];
  if (count !== undefined) return { Count: count === 'all' ? -1 : Number(count), Capabilities };
  if (names !== undefined) return { DeviceIDs: names.split(','), Capabilities };
  throw new Error(`${gpus} says nothing about graphics cards: write all, a number of them, or device=0,1`);
}
