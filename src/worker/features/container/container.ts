import { ownSchemaPart } from '../../schema-part.ts';
import type { TaskSpec } from '../../task-spec.ts';
import { feature, serving, type NeededScope } from '../feature.ts';
import { devicesIn, type DeviceNames } from './devices.ts';
import { forbidden } from './pool-switches.ts';

interface Ask {
  readonly privileged: boolean;
  readonly noSeccomp: boolean;
  readonly ptrace: boolean;
  readonly devices: readonly string[];
  /** Without `docker-worker:` and without the worker pool. */
  readonly scopes: readonly string[];
}

/**
 * `capabilities` and `features.allowPtrace`: what a container may do beyond the defaults. The pool's
 * `d2gConfig` says which of these, and which features of docker-worker's payloads, its tasks may request. It
 * can also give every container the machine's graphics cards.
 *
 * @param deviceFolder the machine's folder of devices
 */
export function container(deviceFolder = '/dev') {
  return feature({
    name: 'container',
    schema: { 'docker-worker': () => ownSchemaPart('docker-worker', 'container') },
    open: ({ config }) => {
      const { d2gConfig, provisionerId, workerType } = config;
      const pool = `${provisionerId}/${workerType}`;
      const names: DeviceNames = {
        video: config.loopbackVideoDeviceNumber,
        audio: config.loopbackAudioDeviceNumber,
      };
      const { allowGPUs, gpus: cards } = d2gConfig;
      const gpus = allowGPUs === true ? { gpus: typeof cards === 'string' ? cards : 'all' } : {};
      return serving<Ask>({
        needs: ['containers'],
        ask: askOf,
        check: async ({ devices }, task) => [
          ...forbidden(task, d2gConfig, pool),
          ...(await devicesIn(deviceFolder, devices, names)).missing.map(
            ({ name, path }) => `capabilities.devices.${name}: this machine has no ${path}`,
          ),
        ],
        scopes: ({ scopes }) => scopes.map(scope => withOrWithout(`docker-worker:${scope}`, pool)),
        start: async ({ devices: wanted, privileged, noSeccomp, ptrace }) => {
          const { devices, binds, env } = await devicesIn(deviceFolder, wanted, names);
          return {
            env,
            container: {
              ...(privileged && { privileged }),
              ...(noSeccomp && { noSeccomp }),
              ...(ptrace && { kernelCapabilities: ['SYS_PTRACE'] }),
              ...gpus,
              devices,
              binds,
            },
          };
        },
      });
    },
  });
}

function askOf({ container: asked, switches }: TaskSpec): Ask | undefined {
  if (!asked) return undefined;
  const { capabilities, devices } = asked;
  return {
    privileged: capabilities.has('privileged'),
    noSeccomp: capabilities.has('disableSeccomp'),
    ptrace: switches.has('allowPtrace'),
    devices,
    scopes: [
      ...Array.from(capabilities, name => `capability:${name}`),
      ...devices.map(name => `capability:device:${name}`),
      ...(switches.has('allowPtrace') ? ['feature:allowPtrace'] : []),
    ],
  };
}

/** A scope for every pool, or the same scope for this pool only. */
function withOrWithout(scope: string, pool: string): NeededScope {
  return { AnyOf: [scope, `${scope}:${pool}`] };
}
