import { execa } from 'execa';
import { once } from 'node:events';
import { connect as connectSocket, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { amqpTransport } from '../../src/pulse/transport/amqp/transport.ts';
import { connect, endpointFrom, type Transport } from '../../src/pulse/index.ts';
import { PATIENCE_MS } from '../patience.ts';

const program = fileURLToPath(new URL('closing-process.ts', import.meta.url));
const { hostname, port: brokerPort } = endpointFrom({ url: inject('pulseUrl') });

describe('a program that closes Pulse ends by itself', () => {
  let server: Server | undefined;
  const clients = new Set<Socket>();

  afterEach(() => {
    server?.close();
    for (const client of clients) client.destroy();
    clients.clear();
  });

  const run = (scenario: string, url = '') =>
    execa('node', [program, scenario, url], { timeout: PATIENCE_MS, stdin: 'pipe' });
  const listen = async (onClient: (client: Socket) => void) => {
    server = createServer(client => {
      clients.add(client);
      client.on('error', () => undefined);
      onClient(client);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  /** A way to the broker that can fall silent for good: nothing passes, and nobody says goodbye. */
  const silencer = async () => {
    const brokers: Socket[] = [];
    const port = await listen(client => {
      const broker = connectSocket({ host: hostname, port: brokerPort });
      brokers.push(broker);
      client.pipe(broker).pipe(client);
    });
    const url = new URL(inject('pulseUrl'));
    url.port = String(port);
    const silence = () => {
      for (const client of clients) client.unpipe().pause();
      for (const broker of brokers) broker.unpipe().destroy();
    };
    return { url: url.href, silence };
  };

  it.each(['amqp', 'amqps'])('while it connects to a broker that never answers (%s)', async protocol => {
    const port = await listen(() => undefined);
    const url = `${protocol}://somebody:secret@127.0.0.1:${port}`;
    const { stdout } = await run('while it connects', url);
    expect(stdout.split('\n')).toEqual([
      'PulseError: the connection was closed before it was established',
      'closed',
    ]);
  });

  it('on a network that has become silent', async () => {
    const { url, silence } = await silencer();
    const running = run('on a network that has become silent', url);
    await once(running.stdout, 'data');
    silence();
    running.stdin.write('go\n');
    const { stdout } = await running;
    expect(stdout.split('\n')).toEqual([
      'ready',
      'PulseError: publishing was closed before the broker had confirmed the message: it may have arrived',
      'closed',
    ]);
  });

  it('after missed heartbeats, even if the dead socket still exists', async () => {
    const { url, silence } = await silencer();
    const running = run('after heartbeats were missed', url);
    await once(running.stdout, 'data');
    silence();
    running.stdin.write('go\n');
    const { stdout } = await running;
    expect(stdout.split('\n')).toEqual(['ready', 'closed']);
  });

  it('not before its deadline if it waits for nothing else', async () => {
    const { stdout } = await run('with nothing alive but its deadline');
    expect(stdout).toBe('closed');
  });
});

describe('close()', () => {
  it('resolves when the connections are closed, and not before', async () => {
    const over: string[] = [];
    const amqp = amqpTransport(endpointFrom({ url: inject('pulseUrl') }));
    const transport: Transport = {
      async connect(login, signal) {
        const connection = await amqp.connect(login, signal);
        void connection.closed.then(() => over.push(login.connectionName));
        return connection;
      },
    };
    const pulse = connect({ url: inject('pulseUrl'), transport, connectionName: 'test' });
    await pulse.declareExchange(`exchange/tcw-test/closing-${process.pid}`);
    await pulse.ready();
    await pulse.close();
    expect(over.sort()).toEqual(['test consuming', 'test publishing']);
  });
});

describe('connect()', () => {
  it.each([{ heartbeatSecs: 0 }, { heartbeatSecs: NaN }, { connectTimeoutMs: 0 }])(
    'refuses %o, which amqplib would treat as never',
    options => {
      expect(() => connect({ url: inject('pulseUrl'), ...options })).toThrow(
        expect.objectContaining({ kind: 'invalid' }),
      );
    },
  );
});
