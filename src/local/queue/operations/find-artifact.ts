import { ApiError } from '../../errors.ts';
import type { Queue } from '../queue.ts';
import { isPresent, type Artifact, type ArtifactContent } from '../tasks/artifact.ts';

/** An artifact that is not a link. */
export type FoundArtifact = Artifact & {
  readonly content: Exclude<ArtifactContent, { storageType: 'link' }>;
};

/**
 * Finds an artifact, following links.
 *
 * @param authorize called before each artifact is examined, with the names of all artifacts so far
 * @throws ApiError `ResourceNotFound`, `ResourceExpired`, `InputError` for a cycle of links
 */
export async function findArtifact(
  { artifacts, clock }: Queue,
  taskId: string,
  runId: number,
  name: string,
  authorize: (names: readonly string[]) => Promise<void>,
): Promise<FoundArtifact> {
  const names = [name];
  for (;;) {
    await authorize(names);
    const artifact = artifacts.find(taskId, runId, names.at(-1) ?? name);
    if (!artifact || !isPresent(artifact)) throw new ApiError('ResourceNotFound', 'Artifact not found');
    if (artifact.expires < clock.now()) throw new ApiError('ResourceExpired', 'Artifact expired');
    const { content } = artifact;
    if (content.storageType !== 'link') return { ...artifact, content };
    if (names.includes(content.artifact)) {
      throw new ApiError(
        'InputError',
        `Links go round in a circle: ${names.join(' -> ')} -> ${content.artifact}`,
      );
    }
    names.push(content.artifact);
  }
}

/**
 * Returns the number of a task's last run.
 *
 * @throws ApiError `ResourceNotFound` when it has none
 */
export function latestRunId({ store }: Queue, taskId: string): number {
  const runs = store.get(taskId).runs.length;
  if (runs === 0) throw new ApiError('ResourceNotFound', `Task \`${taskId}\` has no runs.`);
  return runs - 1;
}
