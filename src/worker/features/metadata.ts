import { dirname, join } from 'node:path';
import { replaceOwnFileLater } from '../files/own-file.ts';
import { feature, serving } from './feature.ts';

const NAME = 'generic-worker-metadata.json';

/**
 * Records the last task for other programs on this machine, in the same file as generic-worker, beside the
 * tasks folder.
 */
export const metadata = feature({
  name: 'metadata',
  properties: {
    enableMetadata: {
      type: 'boolean',
      default: true,
      description: `Record the last task in ${NAME}, beside tasksDir`,
      since: 'generic-worker',
    },
  },
  open: ({ config: { enableMetadata, rootURL, tasksDir }, emit }) => {
    let isReported = false;
    let writing = Promise.resolve();
    const file = join(dirname(tasksDir), NAME);
    const origin = new URL(rootURL).origin;
    const write = async (text: string) => {
      try {
        await replaceOwnFileLater(file, text);
      } catch (error) {
        // No task depends on this file.
        if (!isReported) emit({ type: 'metadata-not-written', file, err: error });
        isReported = true;
      }
    };
    return serving<true>({
      // No task asks for it, so no task is refused because of it.
      ask: () => enableMetadata || undefined,
      start: (_, { claim: { taskId, runId } }) => {
        const lastTaskUrl = `${origin}/tasks/${taskId}/runs/${runId}`;
        // Writes one after the other, so that the file names the last task. No task waits for a write, which
        // takes over 1 ms.
        const written = (writing = writing.then(() => write(`${JSON.stringify({ lastTaskUrl })}\n`)));
        return { finish: () => written };
      },
    });
  },
});
