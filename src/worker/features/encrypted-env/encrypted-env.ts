import { readFile } from 'node:fs/promises';
import { readOpenpgpPrivateKey, Secret, type OpenpgpPrivateKey } from '../../../base/index.ts';
import { TaskError } from '../../outcome.ts';
import type { Property } from '../../properties/index.ts';
import { ownSchemaPart } from '../../schema-part.ts';
import { SHORTEST_SECRET_BYTES } from '../../secrets/spellings.ts';
import { feature, serving } from '../feature.ts';
import { masksOf } from './masks.ts';
import { decryptVariables } from './variables.ts';

const properties = {
  encryptedEnvKeyLocation: {
    type: 'file',
    description: 'OpenPGP key, ASCII-armoured, that decrypts encryptedEnv (see tcw new-openpgp-keypair)',
    since: 'tcw',
  },
} as const satisfies Record<string, Property>;

/**
 * `encryptedEnv`: variables that only the workers of a pool can read, and only for one task, as in
 * docker-worker. They override `env`, and the log shows none of their values.
 */
export const encryptedEnv = feature({
  name: 'encryptedEnv',
  schema: {
    'generic-worker': () => ownSchemaPart('generic-worker', 'encrypted-env'),
    'docker-worker': () => ownSchemaPart('docker-worker', 'encrypted-env'),
  },
  properties,
  open: async ({ config, engines, queue, emit }) => {
    const { encryptedEnvKeyLocation: file, provisionerId, workerType } = config;
    const key = file === undefined ? undefined : await readKey(file);
    // Without a readable file there would be no key.
    if (file !== undefined && engines.some(({ capabilities }) => capabilities.has('own-user'))) {
      emit({ type: 'tasks-can-read-key', property: 'encryptedEnvKeyLocation', file });
    }
    const noKey = `the workers of this pool (${provisionerId}/${workerType}) have no key for encryptedEnv (encryptedEnvKeyLocation)`;
    return serving<{ readonly decrypted: () => Promise<ReadonlyMap<string, Secret>> }>({
      ask: ({ encryptedEnv: items }, { taskId }) => {
        if (items.length === 0) return undefined;
        if (!key) throw new TaskError('malformed-payload', noKey);
        let decrypted: Promise<ReadonlyMap<string, Secret>> | undefined;
        // Decrypted once, during the check, and only if needed.
        return {
          decrypted: () => (decrypted ??= decryptVariables(items, key, { taskId, nowMs: queue.now() })),
        };
      },
      check: async ({ decrypted }) => {
        try {
          await decrypted();
          return [];
        } catch (error) {
          if (error instanceof TaskError) return [error.message];
          throw error;
        }
      },
      start: async ({ decrypted }, run) => {
        const env = [...(await decrypted())].map(([name, value]) => [name, value.reveal()] as const);
        const { texts, onlyWhole } = masksOf(env);
        run.hide(...texts.map(text => new Secret(text)));
        for (const name of onlyWhole) {
          run.log.warn(
            `The value of ${name} has too many lines: this log hides it only as a whole, not line by line`,
          );
        }
        for (const [name] of env.filter(([, value]) => isTooShort(value))) {
          run.log.warn(
            `The value of ${name} has fewer than ${SHORTEST_SECRET_BYTES} bytes: it is not hidden in this log`,
          );
        }
        return { env: Object.fromEntries(env) };
      },
    });
  },
});

/** A log does not hide texts that are likely to occur in innocent output. */
function isTooShort(value: string): boolean {
  const bytes = Buffer.byteLength(value.trim());
  return bytes > 0 && bytes < SHORTEST_SECRET_BYTES;
}

async function readKey(file: string): Promise<OpenpgpPrivateKey> {
  try {
    return await readOpenpgpPrivateKey(new Secret(await readFile(file, 'utf8')));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const problem = code === undefined ? message : `cannot be read: ${message}`;
    throw new Error(`encryptedEnvKeyLocation: ${file} ${problem}`, { cause: error });
  }
}
