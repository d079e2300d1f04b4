import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP proxy on the loopback interface that breaks connections as networks do. */
export interface FaultProxy {
  readonly port: number;
  /** The number of open connections on the clients' side. */
  readonly connections: number;
  /** The number of connections accepted so far. */
  readonly taken: number;
  /** Ends every connection immediately, on both sides. */
  cut(): void;
  /** Stops forwarding in both directions. Connections stay open, and new ones are accepted. */
  freeze(): void;
  thaw(): void;
  /** Ends every connection on the target's side only. The clients do not notice, and their data is lost. */
  halfOpen(): void;
  /** Resets each new connection. Open connections continue. */
  refuse(): void;
  /** The opposite of {@link FaultProxy.refuse}. */
  accept(): void;
  /** From now on, delays everything by `ms` in both directions. */
  delay(ms: number): void;
  /** Cuts a connection once, after the target has sent this many more bytes over it. */
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
    /** Calls a function when it is due, and after all earlier ones. */
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
      // `halfOpen` removes connections from the set, so that their clients do not notice.
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
