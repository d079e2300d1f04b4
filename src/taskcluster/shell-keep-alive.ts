/**
 * What keeping alive uses of a WebSocket of the package `ws`. Naming that package here would make every TypeScript user of
 * tcw install its types.
 */
export interface PingableSocket {
  readonly isPaused: boolean;
  readonly readyState: number;
  readonly OPEN: number;
  on(event: 'pong', listener: () => void): unknown;
  ping(): void;
  terminate(): void;
}

/** Time between two pings of either side of a shell, in ms. */
export const SHELL_PING_MS = 20_000;

/**
 * Ends the connection of a shell when the other side has not answered the last ping: then it is gone.
 *
 * @returns what stops that
 */
export function keepAlive(socket: PingableSocket, pingMs: number): () => void {
  let isAnswered = true;
  socket.on('pong', () => {
    isAnswered = true;
  });
  const timer = setInterval(() => {
    // A paused connection hears no answer.
    if (!isAnswered && !socket.isPaused) socket.terminate();
    isAnswered = false;
    if (socket.readyState === socket.OPEN) socket.ping();
  }, pingMs);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}
