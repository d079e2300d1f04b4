import { dirname, join } from 'node:path';
import { replaceOwnFileLater } from '../files/own-file.ts';
import { feature, serving } from './feature.ts';

const NAME = 'generic-worker-metadata.json';

/** Names the last task for other programs of this machine, in generic-worker's file: beside the folder of all runs. */
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
  open: ({ config: { enableMetadata, rootURL, tasksDir }, tell }) => {
    let isTold = false;
    let writing = Promise.resolve();
    const file = join(dirname(tasksDir), NAME);
    const origin = new URL(rootURL).origin;
    const write = async (text: string) => {
      try {
        await replaceOwnFileLater(file, text);
      } catch (error) {
        // Every task can do without it.
        if (!isTold) tell({ type: 'metadata-not-written', file, err: error });
        isTold = true;
      }
    };
    return serving<true>({
      // No task asks for it, so that none is refused for it.
      ask: () => enableMetadata || undefined,
      start: (_, { claim: { taskId, runId } }) => {
        const lastTaskUrl = `${origin}/tasks/${taskId}/runs/${runId}`;
        // One after the other, so that the file names the last. No task waits for it: to replace a file takes a ms and more.
        const written = (writing = writing.then(() => write(`${JSON.stringify({ lastTaskUrl })}\n`)));
        return { finish: () => written };
      },
    });
  },
});
