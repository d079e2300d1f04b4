// The program of the process that holds one terminal, started by open-pty.ts. When the worker ends, it hangs up the
// terminal and ends.
import { chownSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import type { ReadStream } from 'node:tty';
import { spawn, type IPty } from '@lydell/node-pty';
import { PTY_STREAM, type FromPty, type ToPty } from './pty-protocol.ts';

/**
 * If other processes still have the terminal open after the program's end, it is closed after this long without output,
 * in ms.
 */
const SILENT_MS = 100;
/** How long such processes may continue to print, in ms. */
const LONGEST_MS = 5_000;

/** Undocumented parts of node-pty, for which its version is pinned. */
interface PtyParts {
  readonly _socket: ReadStream;
  readonly ptsName: string;
}

const stream = new Socket({ fd: PTY_STREAM, readable: true, writable: true, allowHalfOpen: true });
let terminal: IPty | undefined;

const send = (words: FromPty, then?: () => void) => process.send?.(words, undefined, {}, then);

function start({ file, args, env, size, owner }: Extract<ToPty, { type: 'start' }>): void {
  const { rows, columns: cols } = size;
  terminal = spawn(file, [...args], { cwd: '/', env, rows, cols, encoding: null, name: env.TERM ?? 'dumb' });
  const parts = terminal as unknown as PtyParts;
  const socket = parts._socket;
  const destroy = socket.destroy.bind(socket);
  // node-pty destroys the socket 200 ms after the end of the program, with everything that a slow reader has not read
  // yet. Here the call only means that the program has ended while other processes have the terminal open.
  socket.destroy = error => {
    if (error) destroy(error);
    else closeWhenSilent(socket, destroy);
    return socket;
  };
  if (owner) chownSync(parts.ptsName, owner.uid, owner.gid);
  socket.pipe(stream, { end: false });
  stream.pipe(socket, { end: false });
  terminal.onExit(({ exitCode, signal }) => {
    terminal = undefined;
    const code = signal ? 128 + signal : exitCode;
    stream.write('', () => {
      send({ type: 'ended', exitCode: code }, () => stream.end(() => process.exit(0)));
    });
  });
  send({ type: 'started', pid: terminal.pid });
}

function closeWhenSilent(socket: ReadStream, destroy: () => void): void {
  const end = performance.now() + LONGEST_MS;
  let silent = setTimeout(close, SILENT_MS);
  socket.on('data', () => {
    clearTimeout(silent);
    if (performance.now() < end) silent = setTimeout(close, SILENT_MS);
    else close();
  });
  function close(): void {
    // A slow reader still gets the output that is available.
    if (stream.writableLength > 0 && performance.now() < end) silent = setTimeout(close, SILENT_MS);
    else destroy();
  }
}

/**
 * Sends SIGHUP to the foreground process group. The kernel sends SIGHUP only to the session's leader. If the leader is
 * outside the PID namespace, no process inside would get it.
 */
function hangUp(): void {
  if (!terminal) return;
  try {
    const stat = readFileSync(`/proc/${terminal.pid}/stat`, 'latin1');
    // The name may contain anything. After it: state, parent, group, session, terminal, the terminal's foreground
    // group.
    const group = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[5]);
    if (!(group > 1)) return;
    process.kill(-group, 'SIGHUP');
    process.kill(-group, 'SIGCONT');
  } catch {
    // The program has ended, or this is not Linux. On other systems the program itself is the leader.
  }
}

process.on('message', (words: ToPty) => {
  try {
    if (words.type === 'start') start(words);
    else terminal?.resize(words.size.columns, words.size.rows);
  } catch (error) {
    if (words.type === 'start')
      send({ type: 'failed', message: (error as Error).message }, () => process.exit(1));
  }
});
// The worker has closed the terminal, or is gone.
const leave = () => {
  hangUp();
  process.exit(0);
};
process.on('disconnect', leave);
stream.on('error', leave);
