import { DockerError, type DockerClient } from '../api/index.ts';
import type { CommandContainer } from '../containers/command-container.ts';
import { heartbeat } from './heartbeat.ts';
import type { DockerTiming } from '../timing.ts';

/**
 * Waits for the end of a started container.
 *
 * @param abandoned aborted when the container's end no longer matters
 * @returns the exit code; undefined after `abandoned`
 * @throws DockerError when the engine does not report the end
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
