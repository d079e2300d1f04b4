import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { container } from '../../../src/worker/features/container/container.ts';
import { featuresOfOneSession, mockEngine, type WorkerConfig } from '../../../src/worker/index.ts';
import { deployment, type Deployment, type RunningWorker } from '../deployment.ts';

/** A deployment with a worker that runs containers of the mock engine. */
export interface DockerDeployment extends AsyncDisposable {
  readonly local: Deployment;
  readonly worker: RunningWorker;
  readonly engine: ReturnType<typeof mockEngine>;
  /** The folder of the worker's devices: some virtual ones, and `kvm`. */
  readonly devices: string;
}

/** Devices that the shapes use, below `/dev`. */
export const DEVICES = ['video0', 'kvm', 'shm', ...['controlC', 'pcmC'].flatMap(audioNodes)];

export async function dockerDeployment(config: Partial<WorkerConfig> = {}): Promise<DockerDeployment> {
  const devices = await mkdtemp(join(tmpdir(), 'tcw-devices-'));
  for (const name of DEVICES) {
    await mkdir(dirname(join(devices, name)), { recursive: true });
    await writeFile(join(devices, name), '');
  }
  const engine = mockEngine({ capabilities: ['containers', 'peers'] });
  const local = await deployment();
  const own = container(devices);
  const features = featuresOfOneSession().map(each => (each.name === own.name ? own : each));
  const worker = await local.startWorker({ capacity: 3, ...config }, { features, wrap: () => engine });
  return {
    local,
    worker,
    engine,
    devices,
    [Symbol.asyncDispose]: async () => {
      await local.close();
      await rm(devices, { recursive: true });
    },
  };
}

function audioNodes(node: string): string[] {
  return node === 'controlC'
    ? ['snd/controlC16']
    : ['D0c', 'D0p', 'D1c', 'D1p'].map(end => `snd/pcmC16${end}`);
}
