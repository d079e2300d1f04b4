import { fileURLToPath } from 'node:url';
import { firstMessage, startNode, WORKER_FLAGS } from '../../setting/children.ts';
import type { UploadCosts, UploadJob } from './upload-process.ts';

const SCRIPT = fileURLToPath(new URL('upload-process.ts', import.meta.url));

/** Uploads artifacts from a new process and returns the cost. */
export async function upload(job: UploadJob): Promise<UploadCosts> {
  const child = startNode([...WORKER_FLAGS, SCRIPT, JSON.stringify(job)], {}, [
    'ignore',
    'inherit',
    'inherit',
    'ipc',
  ]);
  return firstMessage(child, message => message as UploadCosts);
}
