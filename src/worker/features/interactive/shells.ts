import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { SHELL_SUBPROTOCOL } from '../../../taskcluster/index.ts';
import { NoRunningCommand, type Sandbox } from '../../engines/engine.ts';
import { refuse, type Handler } from '../../exposure/index.ts';
import { serveShell } from './session.ts';
import { shellArgv } from './shell-argv.ts';

/** How long a client may take to receive the final messages, in ms. */
const CLOSE_MS = 1_000;
/** The maximum number of concurrent shells of one task. */
const MAX_SHELLS = 10;
/** The maximum size of a client's message, in bytes. It bounds what a person can paste. */
const LARGEST_MESSAGE = 1024 * 1024;

const BUSY = { status: 503, text: `This task has ${MAX_SHELLS} shells already\n` };

/** The shells of one run. They are disposed with the run, when its terminals have ended or end with its sandbox. */
export class Shells implements Handler, AsyncDisposable {
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: LARGEST_MESSAGE,
    perMessageDeflate: false,
    handleProtocols: offered => offered.has(SHELL_SUBPROTOCOL) && SHELL_SUBPROTOCOL,
  });
  readonly #sessions = new Set<Promise<void>>();
  readonly #sandbox: Sandbox;
  readonly #env: Readonly<Record<string, string>>;

  /** @param env the environment of the task's commands */
  constructor(sandbox: Sandbox, env: Readonly<Record<string, string>>) {
    this.#sandbox = sandbox;
    this.#env = { ...env, TERM: 'xterm-256color' };
  }

  request(_request: IncomingMessage, response: ServerResponse): void {
    response.writeHead(426, { 'content-type': 'text/plain; charset=utf-8', upgrade: 'websocket' });
    response.end('This is the websocket of a shell. Use `tcw shell`, or the web UI\n');
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.#sessions.size >= MAX_SHELLS) {
      refuse(socket, BUSY);
      return;
    }
    this.#server.handleUpgrade(request, socket, head, client => {
      const session = serveShell(client, async wanted => {
        const { rows, columns } = wanted;
        const command = { argv: shellArgv(wanted), env: this.#env, size: { rows, columns } };
        return this.#sandbox.openTerminal?.(command).catch(unlessNoRunningCommand);
      });
      this.#sessions.add(session);
      void session.then(() => this.#sessions.delete(session));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The sandbox has ended the shells, and each client is sent the result. Clients that do not answer are
    // disconnected.
    const late = setTimeout(() => {
      for (const client of this.#server.clients) client.terminate();
    }, CLOSE_MS);
    await Promise.all(this.#sessions);
    clearTimeout(late);
  }
}

function unlessNoRunningCommand(error: unknown): undefined {
  if (!(error instanceof NoRunningCommand)) throw error;
}
