import { realpath } from 'node:fs/promises';
import { onTestFinished } from 'vitest';
import { connectDocker } from '../../../src/worker/engines/docker/api/index.ts';
import { dockerEngine, type DockerEngine } from '../../../src/worker/engines/docker/index.ts';
import type { ContainerPart } from '../../../src/worker/engines/container.ts';
import type { Command, CommandResult } from '../../../src/worker/engines/engine.ts';
import { makeImage } from '../../harness/docker/images.ts';
import { runFolderAt } from '../../run-folder-at.ts';
import { Log, newFolder } from '../native-fixtures.ts';

/** The engine's address, set by scripts/test-docker.ts. */
export const host = process.env.TCW_TEST_DOCKER_HOST;

export const { client } = await connectDocker(host);
export const engine: DockerEngine = await dockerEngine({ host });

/** An image with busybox and without a default command. */
export const image = await makeImage(client, { changes: [] });

const PATH = '/bin';

/** Opens a sandbox that is removed when the test has ended. */
export async function openSandbox(part: ContainerPart = {}, on: DockerEngine = engine) {
  const folder = await realpath(await newFolder());
  const traces: string[] = [];
  const sandbox = await on.open({
    home: runFolderAt(folder),
    keep: trace => void traces.push(trace),
    container: { image: image.id, tty: false, ...part },
  });
  onTestFinished(() => sandbox.remove());
  const run = async (
    argv: readonly string[],
    more: Partial<Command> = {},
  ): Promise<CommandResult & { readonly text: string }> => {
    const output = new Log();
    const result = await sandbox.run({ argv, env: { PATH }, output, ...more });
    return { ...result, text: output.text };
  };
  const shell = (line: string, more?: Partial<Command>) => run(['sh', '-c', line], more);
  return { sandbox, folder, trace: traces.join(), run, shell };
}
