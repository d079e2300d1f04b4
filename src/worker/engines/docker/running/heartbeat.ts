import { DockerError, type DockerClient } from '../api/index.ts';
import type { DockerTiming } from '../timing.ts';

/**
 * Detects an engine that hangs while a container runs: the call that waits for the container's end has no time limit.
 *
 * @param onSilence called once with the error when the engine does not answer
 */
export function heartbeat(
  client: DockerClient,
  { beatMs, answerMs }: Pick<DockerTiming, 'beatMs' | 'answerMs'>,
  onSilence: (error: DockerError) => void,
): Disposable {
  const ended = new AbortController();
  const beat = () => {
    client
      .head({ path: '/_ping', signal: ended.signal, timeoutMs: answerMs })
      .then(schedule)
      .catch((error: unknown) => {
        if (!ended.signal.aborted) onSilence(error as DockerError);
      });
  };
  let timer: NodeJS.Timeout | undefined;
  const schedule = () => {
    if (!ended.signal.aborted) timer = setTimeout(beat, beatMs);
  };
  schedule();
  return {
    [Symbol.dispose]: () => {
      ended.abort();
      clearTimeout(timer);
    },
  };
}
