import type { Command } from '../../engine.ts';
import { hasStatus, type DockerClient } from '../api/index.ts';
import { CommandContainer } from './command-container.ts';
import { containerBody, type ContainerMaking } from './container-body.ts';

/**
 * Creates a container for one command. If another worker on the engine has just removed the image, the image is fetched
 * again, once.
 *
 * @throws CommandNotStarted, DockerError, or an error of fetching the image
 */
export async function makeContainer(
  client: DockerClient,
  command: Command,
  making: ContainerMaking,
  timeoutMs: number,
): Promise<CommandContainer> {
  const { imageAgain } = making.part;
  try {
    return await CommandContainer.create(client, containerBody(command, making), timeoutMs);
  } catch (error) {
    if (!imageAgain || !isWithoutImage(error)) throw error;
    const part = { ...making.part, image: await imageAgain() };
    return CommandContainer.create(client, containerBody(command, { ...making, part }), timeoutMs);
  }
}

function isWithoutImage(error: unknown): boolean {
  return hasStatus(error, 404) && /no such image/i.test((error as Error).message);
}
