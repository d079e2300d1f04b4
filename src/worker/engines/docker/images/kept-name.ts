import { createHash, randomBytes } from 'node:crypto';
import { TaskError } from '../../../outcome.ts';
import { OWN_REGISTRY, type ImageName } from './image-name.ts';

/**
 * tcw's own name for an image in the engine:
 *
 *     images.tcw.invalid/tag/docker.io/library/ubuntu:24.04     pulled by a tag
 *     images.tcw.invalid/digest/docker.io/library/ubuntu:<hex>  pulled by a digest
 *     images.tcw.invalid/archive:<hex>                          loaded; the SHA-256 of the archive's key
 *     images.tcw.invalid/loading:<hex>                          loaded, but not verified yet; a random number
 *     images.tcw.invalid/former:<hex>                           lost its name to another image; the image's ID
 *
 * These names are the worker's record of the images that it has brought into the engine. The record stays correct when
 * the worker or the engine dies, and no task can write it. An image without such a name is not tcw's.
 */
export interface KeptName {
  readonly repo: string;
  readonly tag: string;
}

/** The tag that the engine adds to names without one. */
const LONGEST_REPO = 255;

/** @throws TaskError `malformed-payload` */
export function keptNameOf({ registry, path, tag, digest, full }: ImageName): KeptName {
  // Here, a colon can only be before a port. No registry's name contains the replacement.
  const place = `${registry.replace(':', '__')}/${path}`;
  const repo = `${OWN_REGISTRY}/${digest === undefined ? 'tag' : 'digest'}/${place}`;
  if (repo.length > LONGEST_REPO)
    throw new TaskError('malformed-payload', `the name of the image ${full} is too long`);
  return { repo, tag: digest?.replace(/^sha\d+:/, '') ?? tag ?? 'latest' };
}

/** The name of an image from an archive. @param key the archive's key */
export function keptArchiveName(key: string): KeptName {
  return { repo: `${OWN_REGISTRY}/archive`, tag: createHash('sha256').update(key).digest('hex') };
}

/** A unique name for a load. */
export function loadingName(): KeptName {
  return { repo: `${OWN_REGISTRY}/loading`, tag: randomBytes(16).toString('hex') };
}

/** The name of an image that lost its own to another image. @param id `sha256:…` */
export function formerName(id: string): KeptName {
  return { repo: `${OWN_REGISTRY}/former`, tag: id.replace(/^sha256:/, '') };
}

export function textOf({ repo, tag }: KeptName): string {
  return `${repo}:${tag}`;
}

/** Parses an image name of the engine; undefined unless it is one of tcw's. */
export function keptNameIn(text: string): KeptName | undefined {
  const colon = text.lastIndexOf(':');
  return text.startsWith(`${OWN_REGISTRY}/`) && colon !== -1
    ? { repo: text.slice(0, colon), tag: text.slice(colon + 1) }
    : undefined;
}

/** Description of a kept image for the worker's log: `image docker.io/library/ubuntu:24.04`. */
export function described({ repo, tag }: KeptName): string {
  const [, kind = '', ...place] = repo.split('/');
  const name = place.join('/').replace('__', ':');
  if (kind === 'tag') return `image ${name}:${tag}`;
  if (kind === 'digest') return `image ${name}@${tag.slice(0, 12)}`;
  if (kind === 'loading') return `image that was not loaded completely ${tag.slice(0, 12)}`;
  return kind === 'archive' ? `image of the archive ${tag.slice(0, 12)}` : `former image ${tag.slice(0, 12)}`;
}
