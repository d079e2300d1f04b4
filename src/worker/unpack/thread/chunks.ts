import { inThread } from './start.ts';
import type { Answer, Job } from './messages.ts';

/**
 * Yields the content of a file that a separate thread decompresses. The thread works on the next chunk only
 * when it is requested, and has ended when this has.
 */
export async function* chunksOfThread(
  job: Job & { kind: 'decompress' },
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const left = new AbortController();
  let answer: (words: Answer) => void = () => undefined;
  let next = Promise.withResolvers<Buffer | undefined>();
  const thread = inThread(job, AbortSignal.any([signal, left.signal]), {
    started: answering => {
      answer = answering;
    },
    said: word => {
      if (word.kind !== 'chunk') return;
      const { buffer, byteOffset, byteLength } = word.bytes;
      next.resolve(Buffer.from(buffer, byteOffset, byteLength));
    },
  });
  thread.then(
    () => {
      next.resolve(undefined);
    },
    (error: unknown) => {
      // The reader may still be busy with the previous chunk.
      next.promise.catch(() => undefined);
      next.reject(error);
    },
  );
  try {
    for (;;) {
      answer({ kind: 'more' });
      const chunk = await next.promise;
      if (chunk === undefined) return;
      next = Promise.withResolvers();
      yield chunk;
    }
  } finally {
    left.abort();
    await thread.catch(() => undefined);
  }
}
