import { DockerError, type DockerClient } from './api/index.ts';
import type { CommandContainer } from './command-container.ts';
import { heartbeat } from './heartbeat.ts';
import type { DockerTiming } from './timing.ts';

/**
 * Waits for the end of a container that was started.
 *
 * @param abandoned aborted when it is not to be waited for any more
 * @returns its exit code; undefined when it was abandoned
 * @throws DockerError when the engine does not tell
 */
export async function endOfContainer(
  client: DockerClient,
  container: CommandContainer,
  timing: DockerTiming,
  abandoned: AbortSignal,
): Promise<number | undefined> {
  const silence = new AbortController();
  using _beat = heartbeat(client, timing, error => {
    silence.abort(error);
  });
  try {
    return await container.ended(AbortSignal.any([silence.signal, abandoned]));
  } catch (error) {
    if (abandoned.aborted) return undefined;
    const why = (error as Error).message;
    throw new DockerError(`the end of the command's container is not known: ${why}`, { cause: error });
  }
}
