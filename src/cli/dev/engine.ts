import { canRunContainers } from '../../worker/index.ts';

/** The engines that `tcw dev` uses by default: also containers if a Docker engine answers. */
export async function devEngine(dockerHost: string | undefined): Promise<'native' | 'native,docker'> {
  return (await canRunContainers(dockerHost)) ? 'native,docker' : 'native';
}
