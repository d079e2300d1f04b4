import { NoRunningCommand, type Terminal, type TerminalCommand, type TerminalSize } from '../../engine.ts';
import { DockerError, hasStatus, type DockerClient } from '../api/index.ts';

/** After a program has left its terminal: how often its end is polled, in ms, and for how long. */
const AGAIN_MS = 100;
const TRIES = 20;
/** Exit code of a program whose end the engine does not report: as if it was killed with its container. */
const KILLED = 128 + 9;

/**
 * Starts a program in its own terminal in a running container. Docker cannot end such a program. A shell ends by itself
 * without its terminal.
 *
 * @throws NoRunningCommand when the container has not started yet, or has ended (409)
 */
export async function openContainerTerminal(
  client: DockerClient,
  containerId: string,
  { argv, env, size }: TerminalCommand,
): Promise<Terminal> {
  const creating = client.json<{ Id: string }>({
    method: 'POST',
    path: `/containers/${containerId}/exec`,
    body: {
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Tty: true,
      Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      Cmd: argv,
    },
  });
  const { Id: id } = await creating.catch(unlessNotRunning);
  const starting = client.upgrade({ path: `/exec/${id}/start`, body: { Detach: false, Tty: true } });
  const stream = await starting.catch(unlessNotRunning);
  stream.on('error', () => undefined);
  const resize = (to: TerminalSize) => {
    const query = { h: to.rows, w: to.columns };
    const resized = client.json({ method: 'POST', path: `/exec/${id}/resize`, query });
    // The program may have ended already.
    resized.catch(() => undefined);
  };
  resize(size);
  const closed = new Promise<void>(resolve => stream.once('close', resolve));
  const ended = closed.then(() => exitCodeOf(client, id));
  // Callers that wait get the error. This handler keeps an earlier failure from ending the worker.
  ended.catch(() => undefined);
  return {
    stream,
    resize,
    ended,
    [Symbol.asyncDispose]: () => {
      stream.destroy();
      return Promise.resolve();
    },
  };
}

function unlessNotRunning(error: unknown): never {
  if (!hasStatus(error, 409)) throw error;
  throw new NoRunningCommand('The container of the task does not run', { cause: error });
}

async function exitCodeOf(client: DockerClient, id: string): Promise<number> {
  for (let tries = TRIES; tries > 0; tries--) {
    try {
      const { Running, ExitCode } = await client.json<{ Running: boolean; ExitCode: number | null }>({
        method: 'GET',
        path: `/exec/${id}/json`,
      });
      if (!Running && ExitCode !== null) return ExitCode;
    } catch (error) {
      if (error instanceof DockerError) return KILLED;
      throw error;
    }
    await new Promise(resolve => setTimeout(resolve, AGAIN_MS));
  }
  return KILLED;
}
