import { unlessAborted } from '../../../../base/index.ts';
import type { StreamSource } from '../../../files/file-source.ts';
import type { Permits } from '../../../files/permits.ts';
import type { DockerClient } from '../api/index.ts';
import { archivePath } from './path-stat.ts';
import { isFile, tarEntries } from '../tar/tar-entries.ts';

/** A file of a container, and how to read it. */
export interface FileOfContainer {
  readonly containerId: string;
  /** Absolute, with all links resolved. */
  readonly path: string;
  /** One archive of a container is read at a time. */
  readonly turns: Permits;
  /** Longest pause of the engine within the file, in ms. */
  readonly silenceMs: number;
}

/**
 * Streams a file from a container. It can be opened several times; each reads from the beginning, and nothing is
 * stored.
 */
export function fileStream(client: DockerClient, file: FileOfContainer): StreamSource {
  return {
    open: async signal => content(client, file, signal),
    close: async () => undefined,
  };
}

async function* content(
  client: DockerClient,
  { containerId, path, turns, silenceMs }: FileOfContainer,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  await using turn = takeTurn(turns);
  await unlessAborted(turn.granted, signal);
  const { body } = await client.stream({
    method: 'GET',
    path: archivePath(containerId),
    query: { path },
    silenceMs,
    signal,
  });
  for await (const entry of tarEntries(body)) {
    if (!isFile(entry)) throw new Error('it has been replaced in the meantime');
    yield* entry.content();
    return;
  }
}

/** Waits for a turn, and gives it back on disposal, even if it was not granted yet. */
function takeTurn(turns: Permits): AsyncDisposable & { readonly granted: Promise<void> } {
  const granted = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  // A turn that is granted after its disposal ends immediately.
  void turns.with(() => {
    granted.resolve();
    return over.promise;
  });
  return {
    granted: granted.promise,
    [Symbol.asyncDispose]: async () => {
      over.resolve();
    },
  };
}
