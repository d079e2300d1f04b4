import { ApiError } from '../../errors.ts';
import { artifactCreated } from '../messages.ts';
import type { Queue } from '../queue.ts';

/**
 * Records the end of an object artifact's upload, and announces the artifact. Repeating it changes nothing.
 *
 * @throws ApiError `ResourceNotFound` when there is no such artifact, `InputError` when it has another upload,
 *   or when the object service does not have it
 */
export async function finishArtifact(
  { store, artifacts, objects, publisher }: Queue,
  taskId: string,
  runId: number,
  name: string,
  uploadId: string,
): Promise<void> {
  const artifact = artifacts.find(taskId, runId, name);
  if (!artifact) throw new ApiError('ResourceNotFound', 'Artifact not found');
  const { content } = artifact;
  if (content.storageType !== 'object') throw new ApiError('InputError', 'The artifact is not an object');
  if (content.uploadId !== uploadId) throw new ApiError('InputError', 'The artifact has another uploadId');
  if (content.finished) return;
  if (!objects.find(content.name)) {
    throw new ApiError('InputError', 'Object storing artifact data does not exist');
  }
  const finished = { ...artifact, content: { ...content, finished: true } };
  artifacts.save(taskId, runId, finished);
  if (artifact.contentLength !== undefined) {
    throw new Error('the message has no place for a contentLength, so the real queue breaks here');
  }
  try {
    await publisher.publish(artifactCreated(store.get(taskId), runId, finished));
  } catch (error) {
    // Otherwise a repeated call would not announce it.
    artifacts.save(taskId, runId, artifact);
    throw error;
  }
}
