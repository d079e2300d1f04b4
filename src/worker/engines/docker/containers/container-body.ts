import type { ContainerPart } from '../../container.ts';
import type { Command } from '../../engine.ts';
import { gpuRequest } from './gpu-request.ts';

/** Limits for the containers of an engine. A missing value means no limit, except for `shmBytes`. */
export interface DockerLimits {
  /** In bytes. */
  readonly memory?: number;
  /** Number of processors, also fractional. */
  readonly cpus?: number;
  /** Processes, threads included. */
  readonly pids?: number;
  /** Size of /dev/shm in bytes. Default: docker-worker's. */
  readonly shmBytes?: number;
}

/** The parts of a container beside its command. */
export interface ContainerMaking {
  readonly part: ContainerPart;
  readonly limits: DockerLimits;
  readonly labels: Readonly<Record<string, string>>;
  /** Parent of the container's control group. Default: the engine's choice. */
  readonly cgroupParent?: string | undefined;
}

/** docker-worker's size of /dev/shm. */
const SHM_BYTES = 1_800_000_000;

/** The body of `/containers/create` for one command. */
export function containerBody(
  { argv, env, stdin }: Pick<Command, 'argv' | 'env' | 'stdin'>,
  { part, limits, labels, cgroupParent }: ContainerMaking,
): object {
  const hasStdin = stdin !== undefined;
  return {
    Image: part.image,
    // Without arguments, the image's own command runs.
    ...(argv.length > 0 && { Cmd: argv }),
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    ...(part.folder !== undefined && { WorkingDir: part.folder }),
    Labels: labels,
    Tty: hasTty(part),
    AttachStdout: true,
    AttachStderr: true,
    AttachStdin: hasStdin,
    OpenStdin: hasStdin,
    StdinOnce: hasStdin,
    HostConfig: hostConfig(part, limits, cgroupParent),
  };
}

/** Whether commands have a terminal. */
export function hasTty({ tty = true }: ContainerPart): boolean {
  return tty;
}

function hostConfig(part: ContainerPart, limits: DockerLimits, cgroupParent: string | undefined): object {
  const { memory, cpus, pids, shmBytes = SHM_BYTES } = limits;
  return {
    // The init reaps orphans, and lets signals reach a command that handles none.
    Init: true,
    // The output goes only to attached clients.
    LogConfig: { Type: 'none', Config: {} },
    ...(part.network && { NetworkMode: part.network.id }),
    ExtraHosts: [
      'localhost.localdomain:127.0.0.1',
      ...Object.entries(part.hosts ?? {}).map(([name, address]) => `${name}:${address}`),
    ],
    Mounts: (part.binds ?? []).map(({ source, target, readOnly = false }) => ({
      Type: 'bind',
      Source: source,
      Target: target,
      ReadOnly: readOnly,
    })),
    ...(part.privileged === true && { Privileged: true }),
    CapAdd: part.kernelCapabilities ?? [],
    ...(part.noSeccomp === true && { SecurityOpt: ['seccomp=unconfined'] }),
    Devices: (part.devices ?? []).map(({ source, target = source }) => ({
      PathOnHost: source,
      PathInContainer: target,
      CgroupPermissions: 'rwm',
    })),
    ...(part.gpus !== undefined && { DeviceRequests: [gpuRequest(part.gpus)] }),
    ...(memory !== undefined && { Memory: memory }),
    MemorySwap: -1,
    ...(cpus !== undefined && { NanoCpus: Math.round(cpus * 1e9) }),
    PidsLimit: pids ?? -1,
    ShmSize: shmBytes,
    ...(cgroupParent !== undefined && { CgroupParent: cgroupParent }),
  };
}
