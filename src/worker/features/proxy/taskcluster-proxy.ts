import { randomBytes } from 'node:crypto';
import { Secret } from '../../../base/index.ts';
import type { Sandbox } from '../../engines/engine.ts';
import { ownSchemaPart } from '../../schema-part.ts';
import { feature, serving, type RunHandle } from '../feature.ts';
import type { Callers } from './callers.ts';
import { placeForContainer, placeOnMachine } from './place.ts';
import { slotPorts } from './slot-ports.ts';

const PREFIX = '[taskcluster-proxy]';
/** In bytes. Nobody can guess it while a task runs. */
const SECRET_LENGTH = 16;

/**
 * `features.taskclusterProxy`: a server through which a task calls Taskcluster's services as itself, without
 * credentials.
 */
export const taskclusterProxy = feature({
  name: 'taskclusterProxy',
  schema: {
    'generic-worker': () => ownSchemaPart('generic-worker', 'taskcluster-proxy'),
    'docker-worker': () => ownSchemaPart('docker-worker', 'taskcluster-proxy'),
  },
  properties: {
    enableTaskclusterProxy: {
      type: 'boolean',
      default: true,
      description: 'Allow payloads to request the Taskcluster proxy',
      since: 'generic-worker',
    },
    taskclusterProxyPort: {
      type: 'port',
      default: 80,
      description: 'First port of the Taskcluster proxy; slot n uses 4 × n more. Fallback: any free port',
      since: 'generic-worker',
    },
    taskclusterProxyExecutable: {
      type: 'string',
      default: 'taskcluster-proxy',
      description: "Ignored: generic-worker's proxy program. tcw has its own proxy",
      since: 'generic-worker',
    },
  },
  enabledBy: 'enableTaskclusterProxy',
  open: ({ config, secrets, version }) => {
    const ports = slotPorts(config.taskclusterProxyPort);
    return serving<true>({
      ask: ({ switches }) => switches.has('taskclusterProxy') || undefined,
      check: (_, { payload }) =>
        payload.taskclusterProxyInterface === 'docker-bridge'
          ? [
              'taskclusterProxyInterface docker-bridge is not supported: the proxy is for the processes of the task itself, at localhost',
            ]
          : [],
      start: async (_, run) => {
        // Loaded by the first task that wants it, not with the configuration.
        const { startProxy } = await import('./proxy.ts');
        await using starting = new AsyncDisposableStack();
        const place = run.task.container
          ? await placeForContainer(run, starting)
          : placeOnMachine(run.engine.hostAddress, ports, starting);
        const { address, names, port } = place;
        const proxy = starting.use(
          await startProxy({ ...signerOf(run), rootUrl: config.rootURL, address, names, port, version }),
        );
        if (proxy.refused !== undefined)
          run.log.info(
            `${PREFIX} Listening on port ${proxy.port}, because port ${port} is not available: ${proxy.refused}`,
          );
        run.signal.addEventListener('abort', proxy.stop, { once: true });
        starting.defer(() => {
          run.signal.removeEventListener('abort', proxy.stop);
        });

        const secret = run.engine.capabilities.has('peers') ? undefined : newSecret();
        // Another task may get hold of it, so every log hides it.
        if (secret) starting.defer(secrets.add(secret));
        const url = place.url(proxy.port);
        const disposables = starting.move();
        return {
          container: place.container,
          env: { TASKCLUSTER_PROXY_URL: secret ? `${url}/${secret.reveal()}` : url },
          started: sandbox => {
            proxy.serve(callersOf(sandbox, secret));
          },
          // Remaining processes of the run get no more answers.
          finish: async () => {
            proxy.stop();
          },
          [Symbol.asyncDispose]: () => disposables.disposeAsync(),
        };
      },
    });
  },
});

function newSecret(): Secret {
  return new Secret(randomBytes(SECRET_LENGTH).toString('base64url'));
}

/**
 * Recognises callers by their connections if the engine can tell, otherwise by a secret in the URL, which is in
 * no log.
 */
function callersOf(sandbox: Pick<Sandbox, 'isPeer'>, secret: Secret | undefined): Callers {
  if (secret) return { by: 'secret', secret };
  return {
    by: 'connection',
    isPeer: connection => {
      if (!sandbox.isPeer)
        throw new TypeError(
          'the engine has the capability "peers" but cannot identify the owner of a connection',
        );
      return sandbox.isPeer(connection);
    },
  };
}

/** A run signs with its newest credentials, and logs when it gets new ones. */
function signerOf({ claim, calls, log }: RunHandle) {
  let last = calls.credentials;
  return {
    credentials: () => {
      const present = calls.credentials;
      if (present !== last) {
        last = present;
        log.info(`${PREFIX} Successfully refreshed taskcluster-proxy credentials: ${present.clientId}`);
      }
      return present;
    },
    // A task's scopes cannot include the scope to create artifacts of its own run.
    authorizedScopes: [
      ...new Set([...(claim.task.scopes ?? []), `queue:create-artifact:${claim.taskId}/${claim.runId}`]),
    ],
  };
}
