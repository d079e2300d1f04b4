import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP proxy on loopback that breaks connections the way networks do. */
export interface FaultProxy {
  readonly port: number;
  /** How many connections are open on the clients' side. */
  readonly connections: number;
  /** How many were taken so far. */
  readonly taken: number;
  /** Ends every connection at once, on both sides. */
  cut(): void;
  /** Lets nothing through any more, in either direction, while connections stay open and new ones are taken. */
  freeze(): void;
  thaw(): void;
  /** Ends every connection on the target's side alone: the clients are never told, and write into nothing. */
  halfOpen(): void;
  /** Resets each new connection. Those that are open stay. */
  refuse(): void;
  /** The opposite of {@link FaultProxy.refuse}. */
  accept(): void;
  /** Holds up everything by `ms` from now on, in each direction. */
  delay(ms: number): void;
  /** Cuts a connection when so many more bytes have come for it from the target: once. */
  cutAfter(bytes: number): void;
  close(): Promise<void>;
}

export async function faultProxy(target: { host: string; port: number }): Promise<FaultProxy> {
  const clients = new Set<Socket>();
  const upstreams = new Set<Socket>();
  const all = () => [...clients, ...upstreams];
  let frozen = false;
  let refusing = false;
  let delayMs = 0;
  let bytesLeft = Infinity;
  let taken = 0;

  const forward = (from: Socket, to: Socket, pass: (chunk: Buffer) => boolean) => {
    let last = Promise.resolve();
    /** Does something after all that came before it, and not before its time. */
    const inTurn = (deliver: () => void) => {
      const dueMs = performance.now() + delayMs;
      last = last.then(async () => {
        const earlyMs = dueMs - performance.now();
        if (earlyMs > 0) await new Promise(resolve => setTimeout(resolve, earlyMs));
        if (!to.destroyed) deliver();
      });
    };
    from.setNoDelay(true);
    from.on('data', (chunk: Buffer) => {
      if (!pass(chunk)) return;
      inTurn(() => {
        if (!to.write(chunk)) from.pause();
      });
    });
    to.on('drain', () => {
      if (!frozen) from.resume();
    });
    from.on('end', () => {
      inTurn(() => to.end());
    });
    from.on('error', () => undefined);
    if (frozen) from.pause();
  };

  const server = createServer(client => {
    if (refusing) {
      client.resetAndDestroy();
      return;
    }
    taken++;
    const upstream = connect(target);
    clients.add(client);
    upstreams.add(upstream);
    forward(client, upstream, () => true);
    forward(upstream, client, chunk => {
      bytesLeft -= chunk.length;
      if (bytesLeft >= 0) return true;
      bytesLeft = Infinity;
      client.destroy();
      return false;
    });
    client.on('close', () => {
      clients.delete(client);
      upstream.destroy();
    });
    upstream.on('close', () => {
      // One that is not in the set any more was taken away by `halfOpen`, and its client is not to know.
      if (upstreams.delete(upstream)) client.destroy();
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return clients.size;
    },
    get taken() {
      return taken;
    },
    cut: () => {
      for (const socket of all()) socket.destroy();
    },
    freeze: () => {
      frozen = true;
      for (const socket of all()) socket.pause();
    },
    thaw: () => {
      frozen = false;
      for (const socket of all()) socket.resume();
    },
    halfOpen: () => {
      for (const upstream of upstreams) {
        upstreams.delete(upstream);
        upstream.destroy();
      }
    },
    refuse: () => {
      refusing = true;
    },
    accept: () => {
      refusing = false;
    },
    delay: ms => {
      delayMs = ms;
    },
    cutAfter: bytes => {
      bytesLeft = bytes;
    },
    close: async () => {
      for (const socket of all()) socket.destroy();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
