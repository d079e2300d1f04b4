/**
 * Waits for work that cannot be stopped itself, but not longer than until the signal is aborted. What becomes of the work
 * afterwards is not heard.
 *
 * @throws the reason of the signal
 */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const stop = () => {
    reject(signal.reason as Error);
  };
  // A signal that is aborted already says so no more.
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  work.then(resolve, reject).finally(() => {
    signal.removeEventListener('abort', stop);
  });
  return promise;
}
