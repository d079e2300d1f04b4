import type { Usage } from '../engine.ts';
import { hasStatus, type DockerClient } from './api/index.ts';
import type { RunCgroup } from './cgroup.ts';
import { cgroupUsage } from './cgroup-usage.ts';
import { statsUsage, withoutInit } from './stats-usage.ts';

const NOTHING: Usage = { userMs: 0, kernelMs: 0, memoryBytes: 0, peakMemoryBytes: 0, processes: 0 };

/** Tells what the containers of one run have used, those that have ended included. */
export class UsageMeter {
  readonly #client: DockerClient;
  readonly #cgroup: RunCgroup | undefined;
  /** Of the containers that have ended, where only the engine tells. */
  #before = NOTHING;
  #last = NOTHING;

  /** @param cgroup undefined where it cannot be read */
  constructor(client: DockerClient, cgroup: RunCgroup | undefined) {
    this.#client = client;
    this.#cgroup = cgroup;
  }

  /** @param running the container that runs now */
  async read(running: string | undefined): Promise<Usage> {
    const counted = this.#cgroup && cgroupUsage(this.#cgroup);
    if (this.#cgroup && counted) {
      const processes = running === undefined ? 0 : withoutInit(this.#cgroup.processes(running).length);
      const peakMemoryBytes = Math.max(counted.peakMemoryBytes, this.#last.peakMemoryBytes);
      this.#last = { ...counted, peakMemoryBytes, processes };
      // The kernel may tell of memory a while after it was given back.
      return running === undefined ? this.final() : this.#last;
    }
    if (running === undefined) return this.final();
    try {
      return (this.#last = sum(this.#before, await statsUsage(this.#client, running)));
    } catch (error) {
      // It has ended just now.
      if (hasStatus(error, 404, 409)) return this.final();
      throw error;
    }
  }

  /** What was read last, of containers that have ended. */
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
