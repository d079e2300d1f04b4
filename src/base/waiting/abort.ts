/**
 * Waits for work that cannot be stopped, until it settles or the signal is aborted. If the signal comes first, the
 * later result or error of the work is ignored.
 *
 * @throws the reason of the signal
 */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const stop = () => {
    reject(signal.reason as Error);
  };
  // A signal that is already aborted emits no event.
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  work.then(resolve, reject).finally(() => {
    signal.removeEventListener('abort', stop);
  });
  return promise;
}
