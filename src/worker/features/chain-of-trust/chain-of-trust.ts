import type { TaskFiles } from '../../files/task-files.ts';
import type { Emit } from '../../events.ts';
import { TaskError } from '../../outcome.ts';
import type { GeneralConfig } from '../../properties/index.ts';
import { ownSchemaPart } from '../../schema-part.ts';
import { feature, serving, type EngineView, type WorkerHost } from '../feature.ts';
import { certify } from './certify.ts';
import {
  isAnyKeyFile,
  isOpenToOthers,
  readKeyFiles,
  SigningKeyUnusable,
  type KeyFiles,
} from './key-files.ts';
import { properties } from './properties.ts';
import { chainOfTrustNames, type SigningKeys } from './signed-files.ts';

/** generic-worker uses this name when it skips an artifact of the payload. */
const TITLE = 'Chain of Trust';
/** The wording is generic-worker's. */
const KEY_IS_READABLE =
  'was expecting attempt to read private chain of trust key as task user to fail - however, it did not';

/**
 * `features.chainOfTrust`: a signed document says which worker ran the task and what it uploaded. Users of the
 * artifacts therefore need not trust everybody who can write to the queue or its storage.
 *
 * @param ofTheSession keys that are not in a file. Default: the configured keys
 */
export function chainOfTrust(ofTheSession?: SigningKeys) {
  return feature({
    name: 'chainOfTrust',
    schema: {
      'generic-worker': () => ownSchemaPart('generic-worker', 'chain-of-trust'),
      'docker-worker': () => ownSchemaPart('docker-worker', 'chain-of-trust'),
    },
    properties,
    enabledBy: 'enableChainOfTrust',
    open: async ({ config, engines, emit }: WorkerHost<typeof properties>) => {
      // A task that runs as the worker's own user can read the files, whatever their modes, and the worker's
      // memory.
      const isOwnUser = engines.some(({ capabilities }) => capabilities.has('own-user'));
      const isInFiles = !ofTheSession && isAnyKeyFile(config);
      // A task that runs as another user can read what everybody may read. Other users may be in its groups.
      const isOpen = isInFiles && engines.some(isOfUsers) && (await isOpenToOthers(config));
      const isReadable = (isInFiles && isOwnUser) || isOpen;
      if (isReadable && config.enableChainOfTrust) await warnOfUnusable(config, emit);
      const keys =
        ofTheSession ?? (config.enableChainOfTrust && !isReadable ? await readKeyFiles(config) : {});
      return serving<true>({
        ask: ({ switches, container }) => {
          if (!switches.has('chainOfTrust')) return undefined;
          if (!config.enableChainOfTrust) return true;
          const isAsWorker =
            isInFiles &&
            (switches.has('runTaskAsCurrentUser') || container?.capabilities.has('privileged') === true);
          if (isReadable || isAsWorker) throw new TaskError('malformed-payload', KEY_IS_READABLE);
          if (!keys.ed25519 && !keys.openpgp) throw withoutKey(config);
          return true;
        },
        start: (_, run) => {
          run.artifacts.wantDigests();
          for (const name of chainOfTrustNames(keys)) run.artifacts.reserve(name, TITLE);
          let files: TaskFiles | undefined;
          return {
            started: sandbox => {
              files = sandbox.files;
            },
            finish: async ({ uploads, signal }) => {
              if (!files || uploads !== 'all') return;
              await certify({ run, files, keys, config, signal });
            },
          };
        },
      });
    },
  });
}

const isOfUsers = ({ capabilities }: EngineView) => capabilities.has('task-users');

/**
 * generic-worker requires a key even if no task can have anything signed, so a pool may name a file that does
 * not exist.
 */
async function warnOfUnusable(config: KeyFiles, emit: Emit): Promise<void> {
  try {
    await readKeyFiles(config);
  } catch (err) {
    if (!(err instanceof SigningKeyUnusable)) throw err;
    emit({ type: 'signing-key-unusable', problem: err.message });
  }
}

function withoutKey({ provisionerId, workerType }: GeneralConfig): TaskError {
  return new TaskError(
    'malformed-payload',
    `this task is attempting to use feature "chainOfTrust", but the workers of this pool (${provisionerId}/${workerType}) have no key to sign with (ed25519SigningKeyLocation)`,
  );
}
