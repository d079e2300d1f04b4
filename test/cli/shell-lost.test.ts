import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { expect, it, onTestFinished } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { inTerminal, type Terminal } from '../../src/cli/shell/in-terminal.ts';

it('restores the terminal when the worker has disappeared', async () => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', autoPong: false });
  onTestFinished(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  await once(socket, 'open');
  const modes: boolean[] = [];
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (isRaw: boolean) => void modes.push(isRaw),
  });
  const terminal = { stdin, stdout: new PassThrough() } as unknown as Terminal;
  const connected = inTerminal({ socket, tellsExitCode: true }, terminal, 100);
  await expect(connected).rejects.toThrow('is lost');
  expect(modes).toEqual([true, false]);
});
