import { connectDocker } from './api/index.ts';

/**
 * Whether a usable Docker engine answers.
 *
 * @param host as in `DOCKER_HOST`, which is the default
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
