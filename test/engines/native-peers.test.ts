import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connectionOf } from '../../src/worker/engines/connection.ts';
import { engines, openSandbox, newMarker, sleeping, Log, PATH } from './native-fixtures.ts';
import { waitFor } from '../wait-for.ts';
import { asNobody, canBeNobody, startWorker } from './native-worker.ts';

/** A server that hands out the connections that it accepts. */
async function newServer() {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const accept = async () => {
    const [socket] = (await once(server, 'connection')) as [Socket];
    socket.on('error', () => undefined);
    onTestFinished(() => void socket.destroy());
    return socket;
  };
  return { port: (server.address() as AddressInfo).port, accept };
}

const node = (code: string) => [process.execPath, '-e', code];
const env = { PATH };

describe.each(engines.filter(({ capabilities }) => capabilities.has('peers')))(
  'the owner of a connection ($containment)',
  engine => {
    async function peerOf(argv: readonly string[], ready?: () => Promise<unknown>) {
      const { sandbox } = await openSandbox(engine);
      const { port, accept } = await newServer();
      const accepted = accept();
      const words = argv.map(word => word.replaceAll('PORT', String(port)));
      const output = new Log();
      const running = sandbox.run({ argv: words, env, output }).catch(() => undefined);
      onTestFinished(async () => {
        await sandbox.close();
        await running;
      });
      const socket = await accepted;
      await ready?.();
      const connection = connectionOf(socket);
      return { sandbox, socket, connection, isPeer: connection && (await sandbox.isPeer?.(connection)) };
    }

    it('is a process of the run', async () => {
      const { isPeer } = await peerOf(node(`require('net').connect(PORT, '127.0.0.1')`));
      expect(isPeer).toBe(true);
    });

    it('is a process of the run that inherited the socket from one that has ended', async () => {
      const marker = newMarker();
      const code = `
        const socket = require('net').connect(PORT, '127.0.0.1', () => {
          const stdio = [socket, 'ignore', 'ignore'];
          require('child_process').spawn('sleep', ['${marker}'], { stdio, detached: true }).unref();
          process.exit();
        });`;
      const { isPeer } = await peerOf(node(code), () => sleeping(marker, 1));
      expect(isPeer).toBe(true);
    });

    it('is a process of the run even in its own session and with its own environment', async () => {
      const code = `require('net').connect(PORT, '127.0.0.1')`;
      const { isPeer } = await peerOf(['setsid', '--wait', 'env', '-i', ...node(code)]);
      expect(isPeer).toBe(true);
    });

    it('is not the worker, or another process of this machine', async () => {
      const { sandbox } = await openSandbox(engine);
      const { port, accept } = await newServer();
      const accepted = accept();
      const client = connect(port, '127.0.0.1');
      onTestFinished(() => void client.destroy());
      const connection = connectionOf(await accepted);
      expect(connection && (await sandbox.isPeer?.(connection))).toBe(false);
    });

    it('is unknown if the connection was reset', async () => {
      const code = `require('net').connect(PORT, '127.0.0.1', function () { this.resetAndDestroy(); })`;
      const { sandbox, socket, connection } = await peerOf(node(code));
      socket.resume();
      await waitFor(() => {
        expect(socket.closed).toBe(true);
      });
      expect(connection && (await sandbox.isPeer?.(connection))).toBe(connection && false);
    });

    it('is not a process of a run that is over', async () => {
      const { sandbox, connection } = await peerOf(node(`require('net').connect(PORT, '127.0.0.1')`));
      await sandbox.close();
      expect(connection && (await sandbox.isPeer?.(connection))).toBe(false);
    });

    it('is not a process of a later run, even if pids are reused', async () => {
      const gone = await openSandbox(engine);
      await gone.sandbox.close();
      const { sandbox, connection, isPeer } = await peerOf(node(`require('net').connect(PORT, '127.0.0.1')`));
      expect(isPeer).toBe(true);
      expect(connection && (await gone.sandbox.isPeer?.(connection))).toBe(false);
      expect((await gone.sandbox.usage?.())?.processes).toBe(0);
      await sandbox.close();
    });

    it('is found in a process with thousands of descriptors, without blocking the worker', async () => {
      const output = new Log();
      const code = `
        const fs = require('fs');
        const socket = require('net').connect(PORT, '127.0.0.1', () => {
          for (let i = 0; i < 3_000; i++) fs.openSync('/dev/null');
          console.log('opened');
        });`;
      const { sandbox } = await openSandbox(engine);
      const { port, accept } = await newServer();
      const accepted = accept();
      const argv = node(code.replace('PORT', String(port)));
      const running = sandbox.run({ argv, env, output });
      const connection = connectionOf(await accepted);
      await waitFor(() => {
        expect(output.text).toBe('opened\n');
      });
      const other = accept();
      const client = connect(port, '127.0.0.1');
      onTestFinished(() => void client.destroy());
      const foreign = connectionOf(await other);
      let turns = 0;
      const turning = setInterval(() => (turns += 1), 1);
      const answers = [connection, foreign].map(async which => which && (await sandbox.isPeer?.(which)));
      expect(await Promise.all(answers)).toEqual([true, false]);
      clearInterval(turning);
      expect(turns).toBeGreaterThan(5);
      await sandbox.close();
      await running;
    });

    it('is found for many connections at the same time', async () => {
      const { sandbox } = await openSandbox(engine);
      const { port, accept } = await newServer();
      const count = 50;
      const sockets: Socket[] = [];
      const all = (async () => {
        while (sockets.length < count) sockets.push(await accept());
      })();
      const code = `for (let i = 0; i < ${count}; i++) setTimeout(() => require('net').connect(${port}, '127.0.0.1'), 20 * i)`;
      const running = sandbox.run({ argv: node(code), env, output: new Log() });
      await all;
      const answers = await Promise.all(
        sockets.map(async socket => {
          const connection = connectionOf(socket);
          return connection && sandbox.isPeer?.(connection);
        }),
      );
      expect(answers).toEqual(Array(count).fill(true));
      await sandbox.close();
      await running;
    });
  },
);

const namespaces = engines.filter(({ containment }) => containment === 'pid-namespace');
describe.runIf(process.getuid?.() === 0).each(namespaces)(
  'in a namespace that a task has created',
  engine => {
    it('a process of the run is recognised', async () => {
      const { sandbox } = await openSandbox(engine);
      const { port, accept } = await newServer();
      const accepted = accept();
      const argv = ['unshare', '--pid', '--fork', ...node(`require('net').connect(${port}, '127.0.0.1')`)];
      const running = sandbox.run({ argv, env, output: new Log() });
      const connection = connectionOf(await accepted);
      expect(connection && (await sandbox.isPeer?.(connection))).toBe(true);
      await sandbox.close();
      await running;
    });
  },
);

describe.runIf(canBeNobody).each(engines)('without root ($containment)', ({ containment }) => {
  it('the owner of a connection and the usage of a run are known, too', async () => {
    const argv = node(`
      const socket = require('net').connect(process.env.PORT, '127.0.0.1');
      socket.on('data', data => process.stdout.write(data));`);
    const worker = await startWorker(asNobody, '', { containment, argv, env: { PATH }, peers: true });
    expect(worker.capabilities).toEqual([
      'host-files',
      'own-user',
      'background',
      'peers',
      'usage',
      'terminals',
    ]);
    const { output, usage } = await worker.finish();
    expect(output).toBe('true');
    expect(usage?.processes).toBe(1);
    expect(usage?.memoryBytes).toBeGreaterThan(5 * 1024 * 1024);
    expect((usage?.userMs ?? 0) + (usage?.kernelMs ?? 0)).toBeGreaterThan(0);
  });
});
