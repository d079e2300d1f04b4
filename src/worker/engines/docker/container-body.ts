import type { ContainerPart } from '../container.ts';
import type { Command } from '../engine.ts';
import { gpuRequest } from './gpu-request.ts';

/** What the containers of an engine may use. What is not given is not limited, but for `shmBytes`. */
export interface DockerLimits {
  /** In bytes. */
  readonly memory?: number;
  /** Processors, also in fractions. */
  readonly cpus?: number;
  /** Processes, threads included. */
  readonly pids?: number;
  /** Of /dev/shm, in bytes; as docker-worker had it unless given. */
  readonly shmBytes?: number;
}

/** What a container is made of, beside its command. */
export interface ContainerMaking {
  readonly part: ContainerPart;
  readonly limits: DockerLimits;
  readonly labels: Readonly<Record<string, string>>;
  /** The control group in which its own is made; the engine's choice unless given. */
  readonly cgroupParent?: string | undefined;
}

/** What docker-worker gave to containers. */
const SHM_BYTES = 1_800_000_000;

/** What the engine is asked to make for one command, in the words of its API. */
export function containerBody(
  { argv, env, stdin }: Pick<Command, 'argv' | 'env' | 'stdin'>,
  { part, limits, labels, cgroupParent }: ContainerMaking,
): object {
  const hasStdin = stdin !== undefined;
  return {
    Image: part.image,
    // Without any, the image's own.
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

/** Whether commands write to a terminal. */
export function hasTty({ tty = true }: ContainerPart): boolean {
  return tty;
}

function hostConfig(part: ContainerPart, limits: DockerLimits, cgroupParent: string | undefined): object {
  const { memory, cpus, pids, shmBytes = SHM_BYTES } = limits;
  return {
    // Signals reach what has no handler for them, and orphans are reaped.
    Init: true,
    // All output goes to whoever is attached.
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
