import { hasStatus, type DockerClient } from '../api/index.ts';
import { keptNameIn, type KeptName } from './kept-name.ts';

/** The engine's description of an image. */
export interface Inspected {
  /** `sha256:…` */
  readonly id: string;
  /** Size in bytes, with layers that it shares with others. */
  readonly bytes: number;
  readonly os: string;
  readonly arch: string;
  /** When it was last tagged, in ms since the epoch; 0 where the engine does not know. */
  readonly taggedMs: number;
}

interface InspectAnswer {
  readonly Id: string;
  readonly Size?: number;
  readonly Os?: string;
  readonly Architecture?: string;
  readonly Metadata?: { readonly LastTagTime?: string };
}

/** @returns undefined when the engine has no image of that name */
export async function inspectImage(
  client: DockerClient,
  name: string,
  signal?: AbortSignal,
): Promise<Inspected | undefined> {
  try {
    const answer = await client.json<InspectAnswer>({ method: 'GET', path: `/images/${name}/json`, signal });
    const { Id, Size = 0, Os = '', Architecture = '', Metadata } = answer;
    const taggedMs = Math.max(0, Date.parse(Metadata?.LastTagTime ?? '') || 0);
    return { id: Id, bytes: Size, os: Os, arch: Architecture, taggedMs };
  } catch (error) {
    if (hasStatus(error, 404)) return undefined;
    throw error;
  }
}

/** Tags an image with one of tcw's names. An image that had the name loses it. */
export async function keepImage(client: DockerClient, id: string, { repo, tag }: KeptName): Promise<void> {
  await client.json({ method: 'POST', path: `/images/${id}/tag`, query: { repo, tag } });
}

/**
 * Removes a name from an image. The image goes with its last name, unless a container uses it.
 *
 * @returns false when a container needs it
 */
export async function removeName(client: DockerClient, name: string): Promise<boolean> {
  try {
    await client.json({ method: 'DELETE', path: `/images/${name}`, timeoutMs: REMOVE_MS });
    return true;
  } catch (error) {
    if (hasStatus(error, 404)) return true;
    if (hasStatus(error, 409)) return false;
    throw error;
  }
}

/** tcw's names in the engine, with their images. */
export async function keptNames(client: DockerClient): Promise<readonly KeptName[]> {
  const all = await client.json<readonly { readonly RepoTags: readonly string[] | null }[]>({
    method: 'GET',
    path: '/images/json',
  });
  return all.flatMap(({ RepoTags }) => (RepoTags ?? []).map(keptNameIn).filter(name => name !== undefined));
}

/** Removing many layers takes long. */
const REMOVE_MS = 10 * 60_000;
