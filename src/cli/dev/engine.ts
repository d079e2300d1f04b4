import { canRunContainers } from '../../worker/index.ts';

/** What runs the tasks of a developer who does not say: containers too, where a Docker engine answers. */
export async function devEngine(dockerHost: string | undefined): Promise<'native' | 'native,docker'> {
  return (await canRunContainers(dockerHost)) ? 'native,docker' : 'native';
}
