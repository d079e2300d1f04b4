import type { DockerClient } from './client.ts';
import { DockerError } from './docker-error.ts';
import { isListening } from './is-listening.ts';

/**
 * Asks an engine whether it is there. One that is being stopped still answers on the connections that it has, so it has to take
 * a new one, too.
 *
 * @throws DockerError when it does not answer in time
 */
export async function answers(client: DockerClient, timeoutMs: number): Promise<void> {
  if (!(await isListening(client.address))) {
    throw new DockerError(`no Docker engine listens at ${client.address.name}`);
  }
  await client.head({ path: '/_ping', timeoutMs });
}
