/**
 * The members that {@link keepAlive} uses of a WebSocket of the package `ws`. If this file imported that package, every
 * TypeScript user of tcw would have to install its types.
 */
export interface PingableSocket {
  readonly isPaused: boolean;
  readonly readyState: number;
  readonly OPEN: number;
  on(event: 'pong', listener: () => void): unknown;
  ping(): void;
  terminate(): void;
}

/** The interval at which each side of a shell sends pings, in ms. */
export const SHELL_PING_MS = 20_000;

/**
 * Terminates a shell's connection if the other side has not answered the last ping.
 *
 * @returns a function that stops the pings
 */
export function keepAlive(socket: PingableSocket, pingMs: number): () => void {
  let isAnswered = true;
  socket.on('pong', () => {
    isAnswered = true;
  });
  const timer = setInterval(() => {
    // A paused connection does not receive pongs.
    if (!isAnswered && !socket.isPaused) socket.terminate();
    isAnswered = false;
    if (socket.readyState === socket.OPEN) socket.ping();
  }, pingMs);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}
