import type { DockerClient } from './client.ts';
import { DockerError } from './docker-error.ts';
import { isListening } from './is-listening.ts';

/**
 * Pings an engine. An engine that is being stopped still answers on existing connections, so this opens a new one, too.
 *
 * @throws DockerError when it does not answer in time
 */
export async function answers(client: DockerClient, timeoutMs: number): Promise<void> {
  if (!(await isListening(client.address))) {
    throw new DockerError(`no Docker engine listens at ${client.address.name}`);
  }
  await client.head({ path: '/_ping', timeoutMs });
}
