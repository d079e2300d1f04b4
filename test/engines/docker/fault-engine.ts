import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { toEngine } from '../../harness/docker/to-engine.ts';
import { newFolder } from '../native-fixtures.ts';
import { host } from './fixtures.ts';

/** The test's engine behind a proxy with injected faults. */
export interface FaultEngine {
  /** As in DOCKER_HOST. */
  readonly host: string;
  /** Stops forwarding without closing any connection, like an engine that hangs. */
  hang(): void;
  /** Closes all connections and accepts no new ones, like an engine that was killed. */
  die(): void;
  /** Forwards everything again. */
  recover(): void;
}

/**
 * @param kind the kind of the proxy's address
 * @param address for TCP, the address on which the proxy listens
 */
export async function faultEngine(
  kind: 'unix' | 'tcp' = 'unix',
  address = '127.0.0.1',
): Promise<FaultEngine> {
  const sockets = new Set<Socket>();
  let state: 'well' | 'hanging' | 'dead' = 'well';
  const server = createServer({ allowHalfOpen: true }, near => {
    sockets.add(near);
    near.on('error', () => undefined).on('close', () => sockets.delete(near));
    if (state === 'dead') near.destroy();
    if (state !== 'well') return;
    const far = toEngine(host);
    sockets.add(far);
    far.on('error', () => near.destroy()).on('close', () => sockets.delete(far));
    near.on('close', () => far.destroy());
    near.pipe(far).pipe(near);
  });
  const path = join(await newFolder(), 'docker.sock');
  if (kind === 'unix') server.listen(path);
  else server.listen(0, address);
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  onTestFinished(() => {
    cut();
    server.close();
  });
  const bound = server.address();
  return {
    host: typeof bound === 'object' ? `tcp://127.0.0.1:${bound?.port}` : `unix://${path}`,
    hang: () => {
      state = 'hanging';
      for (const socket of sockets) socket.unpipe().pause();
    },
    die: () => {
      state = 'dead';
      cut();
    },
    recover: () => {
      state = 'well';
      cut();
    },
  };
}
