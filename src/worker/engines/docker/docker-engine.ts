import { basename } from 'node:path';
import type { Capability, Engine, SandboxOptions } from '../engine.ts';
import type { Network, NetworkOptions } from '../container.ts';
import { answers, connectDocker, type EngineVersion } from './api/index.ts';
import { canHaveCgroups, RunCgroup } from './usage/cgroup.ts';
import type { DockerLimits } from './containers/container-body.ts';
import { dockerImages, type DockerImages, type DockerImagesOptions } from './images/index.ts';
import { RUN_LABEL, TRACE_LABEL, traceOf } from './leftovers/labels.ts';
import { lateRemovals } from './leftovers/late-removals.ts';
import { endLeftovers } from './leftovers/leftovers.ts';
import { missingLimits, type LimitSupport } from './containers/missing-limits.ts';
import { openNetwork, defaultGateway } from './network.ts';
import { DockerSandbox } from './sandbox.ts';
import { DEFAULT_TIMING, type DockerTiming } from './timing.ts';

export interface DockerEngineOptions {
  /** As in `DOCKER_HOST`, which is the default. */
  readonly host?: string | undefined;
  readonly limits?: DockerLimits;
  /** Labels for everything that is created for runs, beside those by which it is found. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Default: {@link DEFAULT_TIMING}. */
  readonly timing?: Partial<DockerTiming>;
  readonly images?: DockerImagesOptions;
}

export interface DockerEngine extends Engine {
  readonly version: EngineVersion;
  readonly images: DockerImages;
  /** Configured limits that the engine cannot set, with the reason; undefined if it can set all. Worth a warning. */
  readonly missingLimits: string | undefined;
  open(options: SandboxOptions): Promise<DockerSandbox>;
  openNetwork(run: NetworkOptions): Promise<Network>;
  endLeftovers(traces: readonly string[]): Promise<number>;
  close(): Promise<void>;
}

const CAPABILITIES: readonly Capability[] = ['containers', 'peers', 'terminals', 'usage'];

/**
 * Makes the engine that runs each command in a container of a Docker engine.
 *
 * @throws DockerError when no engine answers, or it is too old or too new
 */
export async function dockerEngine(options: DockerEngineOptions = {}): Promise<DockerEngine> {
  const { limits = {}, labels = {} } = options;
  const timing = { ...DEFAULT_TIMING, ...options.timing };
  const connected = await connectDocker(options.host, timing.absentMs);
  const { client, version } = connected;
  const [info, gateway, images] = await Promise.all([
    client.json<{ CgroupDriver?: string } & LimitSupport>({ method: 'GET', path: '/info' }),
    defaultGateway(client),
    dockerImages(connected, options.images),
  ]).catch(async (error: unknown) => {
    await client[Symbol.asyncDispose]();
    throw error;
  });
  const late = lateRemovals(timing);
  // systemd names control groups differently, and removes empty ones.
  let hasCgroups =
    client.address.socketPath !== undefined && info.CgroupDriver === 'cgroupfs' && canHaveCgroups();
  const labelsOf = (runName: string) => ({
    ...labels,
    [RUN_LABEL]: runName,
    [TRACE_LABEL]: traceOf(runName),
  });
  return {
    name: 'docker',
    formats: ['docker-worker'],
    capabilities: new Set(CAPABILITIES),
    hostAddress: gateway ?? 'localhost',
    version,
    images,
    missingLimits: missingLimits(limits, info),
    ...(client.address.socketPath !== undefined && { socketPath: client.address.socketPath }),
    ...(images.store && { dataFolder: images.store.folder }),
    openNetwork: run => {
      run.keep?.(traceOf(run.runName));
      return openNetwork({
        ...run,
        client,
        late,
        trace: traceOf(run.runName),
        labels: labelsOf(run.runName),
        timeoutMs: timing.answerMs,
      });
    },
    open: async ({ home, keep, container: part = {} }) => {
      const runName = basename(home.path);
      const trace = traceOf(runName);
      keep?.(trace);
      return new DockerSandbox({
        client,
        home,
        trace,
        timing,
        late,
        making: { part, limits, labels: labelsOf(runName) },
        cgroup: hasCgroups ? new RunCgroup(trace) : undefined,
        onCgroupElsewhere: () => {
          hasCgroups = false;
        },
      });
    },
    endLeftovers: traces => endLeftovers(client, traces),
    answers: () => answers(client, timing.promptMs),
    close: async () => {
      await late[Symbol.asyncDispose]();
      await images[Symbol.asyncDispose]();
      await client[Symbol.asyncDispose]();
    },
  };
}
