/**
 * Waits for a promise up to a time limit.
 *
 * @throws Error with this message after so many ms
 */
export async function within<T>(promise: Promise<T>, ms: number, words: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new Error(words));
  }, ms);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
