import type { OpenpgpPrivateKey, Secret } from '../../../base/index.ts';
import { TaskError } from '../../outcome.ts';
import { decryptVariable } from './message.ts';

/** More than a task needs. Each one is decrypted, and hidden in the log in about ten encodings. */
const MAX_VARIABLES = 128;
/** Limit for all values together. A small message may decompress to a large one. */
const MAX_BYTES = 256 * 1024;

/** For whom and when the variables of a payload are decrypted. */
interface Asked {
  readonly taskId: string;
  /** ms since the epoch. */
  readonly nowMs: number;
}

/**
 * Decrypts all items of a payload's `encryptedEnv`.
 *
 * @returns the values by the names of their variables
 * @throws TaskError `malformed-payload` with every problem, one line for each item. No line reveals a value
 */
export async function decryptVariables(
  items: readonly string[],
  key: Pick<OpenpgpPrivateKey, 'decrypt'>,
  asked: Asked,
): Promise<Map<string, Secret>> {
  if (items.length > MAX_VARIABLES) {
    throw new TaskError('malformed-payload', `encryptedEnv has more than ${MAX_VARIABLES} items`);
  }
  const values = new Map<string, Secret>();
  const places = new Map<string, number>();
  const problems: string[] = [];
  let bytes = 0;
  // One at a time, so that the worker can serve its other tasks in between.
  for (const [place, item] of items.entries()) {
    try {
      const { name, value } = await decryptVariable(item, key, asked);
      bytes += Buffer.byteLength(value.reveal());
      const first = places.get(name);
      if (first !== undefined) throw new Error(`sets the same variable as encryptedEnv[${first}]`);
      places.set(name, place);
      values.set(name, value);
    } catch (error) {
      problems.push(`encryptedEnv[${place}] ${(error as Error).message}`);
    }
    if (bytes > MAX_BYTES) {
      problems.push(`encryptedEnv has values of more than ${MAX_BYTES} bytes together`);
      break;
    }
  }
  if (problems.length > 0) throw new TaskError('malformed-payload', problems.join('\n'));
  return values;
}
