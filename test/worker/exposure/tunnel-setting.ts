import { createServer, type RequestListener, type Server } from 'node:http';
import { onTestFinished } from 'vitest';
import {
  openTunnel,
  type Tunnel,
  type TunnelOptions,
} from '../../../src/worker/exposure/tunnel/open-tunnel.ts';
import {
  startTestTunnel,
  type TestTunnel,
  type TestTunnelOptions,
} from '../../harness/websocktunnel/server.ts';

export const ID = 'group.worker-1.60099';

export interface TunnelSetting {
  readonly tunnel: Tunnel;
  readonly wst: TestTunnel;
  /** The worker's server, which is reachable only through the tunnel. */
  readonly server: Server;
  /** The worker's reports: `lost …`, `back`. */
  readonly told: string[];
}

/** A worker's server behind a tunnel, until the test has ended. */
export async function throughTunnel(
  answer: RequestListener,
  options: Partial<TunnelOptions> = {},
  { tunnel: given, ...serverOptions }: TestTunnelOptions & { readonly tunnel?: TestTunnel } = {},
): Promise<TunnelSetting> {
  const wst = given ?? (await startTestTunnel(serverOptions));
  const server = createServer(answer);
  const told: string[] = [];
  const tunnel = await openTunnel(
    {
      serverUrl: wst.url,
      id: ID,
      askToken: async () => ({
        token: wst.token(ID),
        expires: new Date(Date.now() + 3_600_000).toISOString(),
      }),
      backoff: { baseMs: 20, capMs: 100 },
      onLost: reason => void told.push(`lost: ${reason}`),
      onBack: () => void told.push('back'),
      ...options,
    },
    server,
  );
  onTestFinished(async () => {
    await tunnel[Symbol.asyncDispose]();
    await wst[Symbol.asyncDispose]();
  });
  return { tunnel, wst, server, told };
}
