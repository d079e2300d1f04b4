import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bind, Device } from '../../engines/container.ts';

/** The numbers of the machine's virtual devices. */
export interface DeviceNames {
  readonly video: number;
  readonly audio: number;
}

/** The machine's devices that a container gets. */
interface ContainerDevices {
  readonly devices: readonly Device[];
  readonly binds: readonly Bind[];
  readonly env: Readonly<Record<string, string>>;
  /** Devices that this machine lacks. */
  readonly missing: readonly { readonly name: string; readonly path: string }[];
}

/** The nodes of an ALSA loopback card: its control, and two devices for playback and recording. */
const AUDIO_NODES = ['controlC#', 'pcmC#D0c', 'pcmC#D0p', 'pcmC#D1c', 'pcmC#D1p'];

/**
 * Finds the devices that a payload names.
 *
 * @param folder the machine's folder of devices, such as `/dev`
 * @param wanted the payload's names
 */
export async function devicesIn(
  folder: string,
  wanted: readonly string[],
  numbers: DeviceNames,
): Promise<ContainerDevices> {
  const found = wanted.map(name => ({ name, nodes: nodesOf(name, numbers) }));
  const nodes = found.flatMap(({ name, nodes: all }) => all.map(node => ({ name, node })));
  const isThere = await Promise.all(nodes.map(({ node }) => exists(join(folder, node))));
  const shared = wanted.includes('hostSharedMemory');
  return {
    devices: nodes
      .filter(({ name }) => name !== 'hostSharedMemory')
      .map(({ node }) => ({ source: join(folder, node), target: `/dev/${node}` })),
    // A file system, not a device.
    binds: shared ? [{ source: join(folder, 'shm'), target: '/dev/shm' }] : [],
    // The same variable as in generic-worker.
    env: wanted.includes('loopbackVideo') ? { TASKCLUSTER_VIDEO_DEVICE: `/dev/video${numbers.video}` } : {},
    missing: nodes
      .filter((_, index) => !isThere[index])
      .map(({ name, node }) => ({ name, path: join(folder, node) })),
  };
}

function nodesOf(name: string, { video, audio }: DeviceNames): string[] {
  switch (name) {
    case 'loopbackVideo':
      return [`video${video}`];
    case 'loopbackAudio':
      return AUDIO_NODES.map(node => `snd/${node.replace('#', String(audio))}`);
    case 'hostSharedMemory':
      return ['shm'];
    case 'kvm':
      return ['kvm'];
    default:
      throw new Error(`there is no device named ${name}`);
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
