import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { SHELL_SUBPROTOCOL } from '../../../src/taskcluster/index.ts';
import type { Terminal } from '../../../src/worker/engines/engine.ts';
import { serveShell } from '../../../src/worker/features/interactive/session.ts';

it('keeps a terminal open until it has sent the exit code of its program', async () => {
  const sent: string[] = [];
  const socket = Object.assign(new EventEmitter(), {
    protocol: SHELL_SUBPROTOCOL,
    readyState: 1,
    OPEN: 1,
    pause: () => undefined,
    resume: () => undefined,
    close: () => undefined,
    send: (message: string) => void sent.push(message),
  }) as unknown as WebSocket;
  let isOpen = true;
  const terminal: Terminal = {
    stream: new PassThrough().end(),
    resize: () => undefined,
    // The exit code arrives separately from the output.
    ended: sleep(50).then(() => (isOpen ? 42 : 137)),
    [Symbol.asyncDispose]: async () => {
      isOpen = false;
    },
  };
  const served = serveShell(socket, async () => terminal);
  socket.emit('message', Buffer.from('{"rows":24,"columns":80}'), false);
  await served;
  expect(sent).toEqual(['{"exitCode":42}']);
});
