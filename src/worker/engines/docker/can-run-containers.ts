import { connectDocker } from './api/index.ts';

/**
 * Whether a Docker engine answers that tcw can work with.
 *
 * @param host as in `DOCKER_HOST`, which is looked at unless this is given
 */
export async function canRunContainers(host?: string): Promise<boolean> {
  try {
    const { client } = await connectDocker(host);
    await client[Symbol.asyncDispose]();
    return true;
  } catch {
    return false;
  }
}
