import { onTestFinished } from 'vitest';
import { connectDocker, type DockerClient } from '../../src/worker/engines/docker/api/index.ts';
import { removeContainers } from '../../src/worker/engines/docker/leftovers/leftovers.ts';
import { dockerEngine, type DockerEngine } from '../../src/worker/engines/docker/index.ts';
import type { DockerEngineOptions } from '../../src/worker/engines/docker/docker-engine.ts';
import { featuresOfOneSession, type WorkerConfig } from '../../src/worker/index.ts';
import { deployment, type Deployment, type RunningWorker } from '../worker/deployment.ts';

/** How a task ended. */
export interface Ended {
  readonly taskId: string;
  readonly state: string;
  readonly reason: string | undefined;
  readonly log: string;
}

/** A worker with an embedded queue, whose containers are of a real engine. */
export interface ContainerWorker {
  readonly local: Deployment;
  readonly worker: RunningWorker;
  readonly engine: DockerEngine;
  /** Runs a task to its end. */
  resolved(payload: object, scopes?: readonly string[]): Promise<Ended>;
  /** How a task ended that was created before. */
  ended(taskId: string): Promise<Ended>;
}

export const host = process.env.TCW_TEST_DOCKER_HOST;

/** Limits with which no test waits for long. */
const QUICK = {
  backoff: { baseMs: 100, capMs: 100 },
  rateBackoff: { baseMs: 100, capMs: 100 },
  attempts: 2,
  stallMs: 2_000,
};

/**
 * Starts one that ends with the test, with everything that it has in the engine.
 *
 * @param config with one slot unless it says otherwise, so that only a free slot takes the next task
 */
export async function containerWorker(
  options: DockerEngineOptions = {},
  config: Partial<WorkerConfig> = {},
): Promise<ContainerWorker> {
  const local = await deployment();
  const engine = await dockerEngine({
    host,
    ...options,
    images: { ...options.images, limits: { ...QUICK, ...options.images?.limits } },
  });
  const traces: string[] = [];
  const watched: DockerEngine = {
    ...engine,
    open: sandbox => engine.open({ ...sandbox, keep: trace => (traces.push(trace), sandbox.keep?.(trace)) }),
  };
  const worker = await local.startWorker(
    { capacity: 1, ...config },
    { wrap: () => watched, features: featuresOfOneSession() },
  );
  onTestFinished(async () => {
    await local.close();
    await engine.close().catch(() => undefined);
    const { client } = await connectDocker(host);
    for (const trace of traces) await removeContainers(client, trace);
    await client[Symbol.asyncDispose]();
  });
  const ended = async (taskId: string): Promise<Ended> => {
    const { state, runs } = await local.resolved(taskId);
    const log = await local.log(taskId, runs.length - 1).catch(() => '');
    return { taskId, state, reason: runs.at(-1)?.reasonResolved, log };
  };
  return {
    local,
    worker,
    engine,
    ended,
    resolved: async (payload, scopes = []) => ended(await local.createTask(payload, { scopes: [...scopes] })),
  };
}

/** A command of the shell of busybox. */
export function sh(script: string): { readonly command: readonly string[] } {
  return { command: ['sh', '-c', script] };
}

/** The names of the containers, networks and volumes with a label. */
export async function labelled(client: DockerClient, label: string): Promise<readonly string[]> {
  const query = { all: true, filters: JSON.stringify({ label: [label] }) };
  const [containers, networks, { Volumes: volumes }] = await Promise.all([
    client.json<{ Id: string }[]>({ method: 'GET', path: '/containers/json', query }),
    client.json<{ Id: string }[]>({ method: 'GET', path: '/networks', query }),
    client.json<{ Volumes: { Name: string }[] | null }>({ method: 'GET', path: '/volumes', query }),
  ]);
  return [
    ...[...containers, ...networks].map(({ Id }) => Id),
    ...(volumes ?? []).map(({ Name }) => Name),
  ].sort();
}

/** What of all runs of this engine is in it. */
export function left(client: DockerClient): Promise<readonly string[]> {
  return labelled(client, 'tcw.trace');
}
