import { unlessAborted } from '../../../../base/index.ts';
import type { StreamSource } from '../../../files/file-source.ts';
import type { Permits } from '../../../files/permits.ts';
import type { DockerClient } from '../api/index.ts';
import { archivePath } from './path-stat.ts';
import { isFile, tarEntries } from './tar-entries.ts';

/** A file of a container, and how it is read. */
export interface FileOfContainer {
  readonly containerId: string;
  /** Absolute, without links to follow. */
  readonly path: string;
  /** One archive of a container is read at a time. */
  readonly turns: Permits;
  /** How long the engine may send nothing in the middle of it, in ms. */
  readonly silenceMs: number;
}

/** Streams a file out of a container, from its beginning as often as that is asked for. Nothing of it is kept. */
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
    if (!isFile(entry)) throw new Error('something else lies there by now');
    yield* entry.content();
    return;
  }
}

/** A turn that is waited for and given back, also where it comes too late. */
function takeTurn(turns: Permits): AsyncDisposable & { readonly granted: Promise<void> } {
  const granted = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  // One that has not come yet when it is given back is over as soon as it does.
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
