import type { ArtifactContentResponse } from '../../taskcluster/index.ts';
import { artifactPaths } from './artifact-paths.ts';
import { fetchWithRetries, NotFetched, piecesOf } from './fetch-content.ts';
import { isWebUrl, NoContent, urlOfContent } from './locate-artifact.ts';
import { saveArtifact } from './save-artifact.ts';

export interface Saving {
  readonly rootUrl: string;
  /** Asks the queue where an artifact's content is. */
  readonly locate: (name: string) => Promise<ArtifactContentResponse>;
  /** The path that `artifactFolder` returned. */
  readonly folder: string;
  /** Parts of a path below that folder, prepended to the path of each artifact. */
  readonly below?: readonly string[];
  readonly onSaved: (name: string, file: string) => void;
}

/** An artifact that was not saved, and why. */
export interface NotSaved {
  readonly name: string;
  readonly reason: string;
  /** Whether the artifact has no content, so that a retry cannot help. */
  readonly hasNone: boolean;
}

/**
 * Downloads artifacts of one run into a folder.
 *
 * @param all every artifact of the run. Paths are derived from all of them, so they do not depend on which ones are
 *   wanted
 * @returns the artifacts that could not be downloaded
 * @throws Failure when a file cannot be written, or the queue refuses the call
 */
export async function saveArtifacts(
  wanted: readonly string[],
  all: readonly string[],
  { rootUrl, locate, folder, below = [], onSaved }: Saving,
): Promise<NotSaved[]> {
  const paths = artifactPaths(all);
  const notSaved: NotSaved[] = [];
  for (const name of wanted) {
    const url = async () => {
      const found = await urlOfContent(await locate(name), rootUrl);
      if (!isWebUrl(found)) throw new NoContent('it is a reference that is not a web URL');
      return found;
    };
    try {
      const parts = [...below, ...(paths.get(name) ?? [])];
      const file = await fetchWithRetries(url, response => saveArtifact(folder, parts, piecesOf(response)));
      onSaved(name, file);
    } catch (error) {
      if (!(error instanceof NoContent || error instanceof NotFetched)) throw error;
      notSaved.push({ name, reason: error.message, hasNone: error instanceof NoContent });
    }
  }
  return notSaved;
}
