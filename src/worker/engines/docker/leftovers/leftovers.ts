import { hasStatus, type DockerClient } from '../api/index.ts';
import { canHaveCgroups, RunCgroup } from '../usage/cgroup.ts';
import { isTrace, ofTrace } from './labels.ts';

/**
 * Removes containers, networks and volumes of runs whose worker died. Anything without their label is left alone.
 *
 * @param traces of the runs; other texts are ignored
 * @returns how many containers had not ended
 * @throws DockerError when something could not be removed
 */
export async function endLeftovers(client: DockerClient, traces: readonly string[]): Promise<number> {
  let ended = 0;
  for (const trace of traces.filter(isTrace)) {
    ended += await removeContainers(client, trace);
    await removeNetworks(client, trace);
    await removeVolumes(client, trace);
    if (canHaveCgroups()) await new RunCgroup(trace).remove();
  }
  return ended;
}

/**
 * Removes the containers of a run, with their anonymous volumes.
 *
 * @returns how many had not ended
 */
export async function removeContainers(client: DockerClient, trace: string): Promise<number> {
  const found = await client.json<{ Id: string; State: string }[]>({
    method: 'GET',
    path: '/containers/json',
    query: { all: true, filters: ofTrace(trace) },
  });
  await Promise.all(found.map(({ Id }) => remove(client, `/containers/${Id}`, { force: true, v: true })));
  // A container that is being started does not count as running yet.
  return found.filter(({ State }) => State !== 'exited' && State !== 'dead').length;
}

/** Removes the networks of a run. */
export async function removeNetworks(client: DockerClient, trace: string): Promise<void> {
  const found = await client.json<{ Id: string }[]>({
    method: 'GET',
    path: '/networks',
    query: { filters: ofTrace(trace) },
  });
  await Promise.all(found.map(({ Id }) => remove(client, `/networks/${Id}`)));
}

async function removeVolumes(client: DockerClient, trace: string): Promise<void> {
  const { Volumes } = await client.json<{ Volumes: { Name: string }[] | null }>({
    method: 'GET',
    path: '/volumes',
    query: { filters: ofTrace(trace) },
  });
  await Promise.all(
    (Volumes ?? []).map(({ Name }) => remove(client, `/volumes/${encodeURIComponent(Name)}`)),
  );
}

/** Removes something from the engine. Succeeds if it is gone or somebody else is removing it. */
export async function remove(
  client: DockerClient,
  path: string,
  query: Readonly<Record<string, boolean>> = {},
): Promise<void> {
  try {
    await client.json({ method: 'DELETE', path, query });
  } catch (error) {
    const isBeingRemoved = hasStatus(error, 409) && /already in progress/i.test((error as Error).message);
    if (!hasStatus(error, 404) && !isBeingRemoved) throw error;
  }
}
