import { isPresent, type Artifact } from './artifact.ts';

/** The artifacts of each run, without their content. */
export interface ArtifactTable {
  find(taskId: string, runId: number, name: string): Artifact | undefined;
  save(taskId: string, runId: number, artifact: Artifact): void;
  /** Returns all visible artifacts of a run, sorted by name. */
  list(taskId: string, runId: number): Artifact[];
}

export function createArtifactTable(): ArtifactTable {
  const runs = new Map<string, Map<string, Artifact>>();
  return {
    find: (taskId, runId, name) => runs.get(`${taskId}/${runId}`)?.get(name),
    save(taskId, runId, artifact) {
      const artifacts = runs.get(`${taskId}/${runId}`) ?? new Map<string, Artifact>();
      runs.set(`${taskId}/${runId}`, artifacts.set(artifact.name, artifact));
    },
    list(taskId, runId) {
      const artifacts = [...(runs.get(`${taskId}/${runId}`)?.values() ?? [])].filter(isPresent);
      return artifacts.sort((one, other) => (one.name < other.name ? -1 : 1));
    },
  };
}
