import type { Duplex } from 'node:stream';
import type { Command } from '../../engine.ts';
import { codeOf, DockerError } from '../api/index.ts';
import { FrameReader } from './frames.ts';

/**
 * Copies the output of a container to the outputs of its command, as fast as those accept it, until the end of the output.
 *
 * @throws DockerError when the connection breaks
 */
export async function copyOutput(
  attached: Duplex,
  { output, errors = output }: Pick<Command, 'output' | 'errors'>,
  { tty }: { readonly tty: boolean },
): Promise<void> {
  const frames = new FrameReader();
  try {
    for await (const chunk of attached as AsyncIterable<Buffer>) {
      const contents = tty ? [['stdout', chunk] as const] : frames.read(chunk);
      for (const [stream, content] of contents) {
        const target = stream === 'stderr' ? errors : output;
        if (!written(target, content)) await roomIn(target);
      }
    }
  } catch (error) {
    throw new DockerError(`the output of the command's container broke off (${codeOf(error) ?? ''})`, {
      cause: error,
    });
  }
}

/**
 * Writes to an output. Output that has failed is skipped.
 *
 * @returns whether it accepts more now
 */
function written(output: NodeJS.WritableStream, bytes: Buffer): boolean {
  return !output.writable || output.write(bytes);
}

/** Settles when an output accepts more, or has failed. */
async function roomIn(output: NodeJS.WritableStream): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const go = () => {
    resolve(undefined);
  };
  const events = ['drain', 'close', 'error'];
  for (const event of events) output.once(event, go);
  if (!output.writable) go();
  await promise;
  for (const event of events) output.off(event, go);
}
