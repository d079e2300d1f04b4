import type { ServiceCall } from '../../../taskcluster/index.ts';
import type { Emit } from '../../events.ts';
import type { GeneralConfig } from '../../properties/index.ts';
import type { LiveSecrets } from '../../secrets/live-secrets.ts';
import type { ExposureMethod } from '../exposure-method.ts';

/** What the tunnel needs from the worker. */
export interface TunnelHost {
  readonly config: Pick<
    GeneralConfig,
    'livelogPortBase' | 'workerGroup' | 'workerId' | 'wstAudience' | 'wstServerURL'
  >;
  /** Makes calls with the worker's current credentials. */
  readonly queue: { service(signal?: AbortSignal): ServiceCall };
  readonly secrets: Pick<LiveSecrets, 'add'>;
  readonly emit: Emit;
}

/**
 * Returns the method that uses the configured websocktunnel, or undefined if none is configured.
 *
 * @throws Error that says what is wrong with the configuration
 */
export function tunnelMethod({ config, queue, secrets, emit }: TunnelHost): ExposureMethod | undefined {
  const { wstServerURL: serverUrl, wstAudience: audience } = config;
  if (serverUrl === undefined && audience === undefined) return undefined;
  if (serverUrl === undefined || audience === undefined)
    throw new Error('a tunnel needs both wstServerURL and wstAudience: configure both, or neither');
  if (!URL.canParse(serverUrl) || !/^(ws|http)s?:/i.test(serverUrl))
    throw new Error(`wstServerURL ${JSON.stringify(serverUrl)} is not a URL that begins with wss://`);
  // generic-worker's id for its live log. Roles of pools allow `<workerGroup>.<workerId>.*`, or only that port.
  const id = `${config.workerGroup}.${config.workerId}.${config.livelogPortBase + 1}`;
  return {
    name: 'wstServerURL',
    open: async server => {
      // Most workers never need a tunnel, and the library takes time to load.
      const { openTunnel } = await import('./open-tunnel.ts');
      return openTunnel(
        {
          serverUrl,
          id,
          askToken: signal => queue.service(signal)('auth', 'websocktunnelToken', audience, id),
          onToken: token => {
            secrets.add(token);
          },
          onLost: (reason, waitMs) => {
            emit({ type: 'tunnel-lost', reason, waitMs });
          },
          onBack: () => {
            emit({ type: 'tunnel-back' });
          },
        },
        server,
      );
    },
  };
}
