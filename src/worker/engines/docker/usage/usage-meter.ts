import type { Usage } from '../../engine.ts';
import { hasStatus, type DockerClient } from '../api/index.ts';
import type { RunCgroup } from './cgroup.ts';
import { cgroupUsage } from './cgroup-usage.ts';
import { statsUsage, withoutInit } from './stats-usage.ts';

const NOTHING: Usage = { userMs: 0, kernelMs: 0, memoryBytes: 0, peakMemoryBytes: 0, processes: 0 };

/** Measures the usage of the containers of one run, including ended ones. */
export class UsageMeter {
  readonly #client: DockerClient;
  readonly #cgroup: RunCgroup | undefined;
  /** Usage of ended containers, where only the engine counts it. */
  #before = NOTHING;
  #last = NOTHING;

  /** @param cgroup undefined where it is not readable */
  constructor(client: DockerClient, cgroup: RunCgroup | undefined) {
    this.#client = client;
    this.#cgroup = cgroup;
  }

  /** @param running ID of the running container */
  async read(running: string | undefined): Promise<Usage> {
    const counted = this.#cgroup && cgroupUsage(this.#cgroup);
    if (this.#cgroup && counted) {
      const processes = running === undefined ? 0 : withoutInit(this.#cgroup.processes(running).length);
      const peakMemoryBytes = Math.max(counted.peakMemoryBytes, this.#last.peakMemoryBytes);
      this.#last = { ...counted, peakMemoryBytes, processes };
      // The kernel may report memory for a while after it was freed.
      return running === undefined ? this.final() : this.#last;
    }
    if (running === undefined) return this.final();
    try {
      return (this.#last = sum(this.#before, await statsUsage(this.#client, running)));
    } catch (error) {
      // The container has just ended.
      if (hasStatus(error, 404, 409)) return this.final();
      throw error;
    }
  }

  /** The last reading of ended containers. */
  final(): Usage {
    return { ...this.#last, memoryBytes: 0, processes: 0 };
  }

  /** Called when a container has ended. */
  ended(): void {
    this.#before = this.final();
  }
}

function sum(before: Usage, now: Usage): Usage {
  const { readBytes, writtenBytes } = now;
  return {
    ...now,
    userMs: before.userMs + now.userMs,
    kernelMs: before.kernelMs + now.kernelMs,
    peakMemoryBytes: Math.max(before.peakMemoryBytes, now.peakMemoryBytes, now.memoryBytes),
    ...(readBytes !== undefined && { readBytes: readBytes + (before.readBytes ?? 0) }),
    ...(writtenBytes !== undefined && { writtenBytes: writtenBytes + (before.writtenBytes ?? 0) }),
  };
}
