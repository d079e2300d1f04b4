import { rmSync } from 'node:fs';
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Row } from '../../report/row.ts';
import { makeImage, type TestImage } from '../../../test/harness/docker/images.ts';
import { connectDocker, type DockerClient } from '../../../src/worker/engines/docker/api/index.ts';
import { dockerEngine, type DockerEngine } from '../../../src/worker/engines/docker/index.ts';

/** The setting for all figures about engines: one real Docker engine, used by tcw and by the command line. */
export interface EngineSetting {
  /** The address of the engine, as in DOCKER_HOST. */
  readonly host: string;
  readonly client: DockerClient;
  readonly engine: DockerEngine;
  /** An image of busybox; removed at the end. */
  readonly image: TestImage;
  /** For folders of tasks; removed at the end. */
  readonly folder: string;
  /** Fewer samples, for a first look. */
  readonly quick: boolean;
  /** Prints the progress for the user. */
  say(text: string): void;
}

/** A measurement: one or a few rows that are measured together. */
export interface EngineFigure {
  /** For `--only`. */
  readonly name: string;
  measure(setting: EngineSetting): Promise<Row[]>;
}

/** Creates the setting, runs the callback with it, and always removes it. */
export async function withEngine<Result>(
  { quick, say }: Pick<EngineSetting, 'quick' | 'say'>,
  use: (setting: EngineSetting) => Promise<Result>,
): Promise<Result> {
  const { TCW_TEST_DOCKER_HOST: host } = process.env;
  if (host === undefined) throw new Error('TCW_TEST_DOCKER_HOST names no engine: run bench/engines/main.ts');
  const folder = await mkdtemp(join(tmpdir(), 'tcw-bench-'));
  process.once('exit', () => {
    rmSync(folder, { recursive: true, force: true });
  });
  // The users that tasks run as need to pass through this folder.
  await chmod(folder, 0o755);
  await using stack = new AsyncDisposableStack();
  const { client } = await connectDocker(host);
  stack.use(client);
  const engine = await dockerEngine({ host });
  stack.defer(() => engine.close());
  const image = await benchImage(client, stack);
  return await use({ host, client, engine, image, folder, quick, say });
}

/** Makes an image of busybox, which is removed with the stack. */
export async function benchImage(
  client: DockerClient,
  stack: AsyncDisposableStack,
  entries: Parameters<typeof makeImage>[1] = {},
): Promise<TestImage> {
  const image = await makeImage(client, { changes: ['CMD ["sh"]', 'ENV PATH=/bin'], ...entries });
  stack.defer(async () => {
    const path = `/images/${image.name}`;
    await client.json({ method: 'DELETE', path, query: { force: true } });
  });
  return image;
}
