import { posix } from 'node:path';
import { UnpackFault } from '../../../unpack/unpack-fault.ts';
import { paddedSize, TarBlocks, tarHeader, type Entry } from '../tar/tar-blocks.ts';

/** An intact archive that does not contain exactly one image. The message continues `the archive`. */
export class NotExactlyOneImage extends Error {
  override readonly name = 'NotExactlyOneImage';
}

/** The file that lists the images in an archive. No other entry may have this name. */
const MANIFEST = 'manifest.json';
/** Other files with names of images. The engine would use them. */
const LEFT_OUT = new Set(['repositories', 'index.json', 'oci-layout']);
/** Images contain one for each duplicate layer. */
const MAX_LINKS = 10_000;
/** Longer than any header in an image archive. */
const MAX_EXTENDED_BYTES = 64 * 1024;
const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

const [FILE, HARD_LINK, LINK, FOLDER] = ['0', '1', '2', '5'];
/** Types of regular files. */
const FILES = new Set(['0', '\0', '7', '']);

interface Manifest {
  readonly Config?: unknown;
  readonly RepoTags?: readonly string[] | null;
  readonly Layers?: unknown;
}

/**
 * Copies an archive of `docker save`, and renames its image. Whatever the archive contains, an engine that loads the
 * copy assigns exactly this name: entries are rewritten with unambiguous names, and the engine reads names of images
 * from nowhere else.
 *
 * @param name with a tag
 * @throws NotExactlyOneImage unless there is exactly one image with exactly one tag; UnpackFault when the archive is damaged
 */
export async function* onlyImage(
  pieces: AsyncIterable<Buffer>,
  name: string,
): AsyncGenerator<Buffer, void, undefined> {
  const blocks = new TarBlocks(pieces, MAX_EXTENDED_BYTES);
  const links = new Set<string>();
  const others = new Set<string>();
  let hasManifest = false;
  for (let entry = await blocks.next(); entry; entry = await blocks.next()) {
    const plain = plainEntry(entry, links);
    if (plain === undefined) continue;
    const base = posix.basename(plain.name);
    const isTop = base === plain.name;
    if (base !== MANIFEST && !LEFT_OUT.has(base)) {
      yield tarHeader(plain);
      yield* blocks.content(plain.size);
      continue;
    }
    if (!isTop || plain.type !== FILE) throw new UnpackFault('unsafe', `${plain.name} has a misleading name`);
    const content = await blocks.whole(plain.size, MAX_MANIFEST_BYTES);
    if (base !== MANIFEST) {
      others.add(base);
      continue;
    }
    if (hasManifest) throw new UnpackFault('unsafe', `it has ${MANIFEST} twice`);
    hasManifest = true;
    const renamed = Buffer.from(JSON.stringify([manifestOf(content, name)]));
    yield tarHeader({ ...plain, size: renamed.length });
    yield Buffer.concat([renamed], paddedSize(renamed.length));
  }
  if (!hasManifest) {
    throw new NotExactlyOneImage(
      others.has('oci-layout') || others.has('index.json')
        ? 'is an OCI layout, which not every engine can load: write it with docker save'
        : `was not written by docker save: it has no ${MANIFEST}`,
    );
  }
  yield Buffer.alloc(1024);
}

/** The entry with its name in canonical form; undefined for the root directory. */
function plainEntry({ type, name, target, size }: Entry, links: Set<string>): Entry | undefined {
  const plain = name.replace(/^(\.\/)+/, '').replace(/\/+$/, '');
  if (plain === '' || plain === '.') return undefined;
  const parts = plain.split('/');
  const isPlain = /^[\x20-\x7e]+$/.test(plain) && !parts.some(part => ['', '.', '..'].includes(part));
  if (!isPlain) throw new UnpackFault('unsafe', `${JSON.stringify(name)} is not the name of an image`);
  const folders = parts.slice(0, -1).map((_part, i) => parts.slice(0, i + 1).join('/'));
  if (folders.some(folder => links.has(folder))) throw new UnpackFault('unsafe', `${plain} is behind a link`);
  if (type === LINK || type === HARD_LINK) {
    if (links.add(plain).size > MAX_LINKS) throw new UnpackFault('unsafe', 'it has too many links');
  } else if (FILES.has(type)) {
    return { type: FILE, name: plain, target: '', size };
  } else if (type !== FOLDER) {
    throw new UnpackFault('unsafe', `${plain} is neither a file nor a folder nor a link`);
  }
  return { type, name: plain, target: type === FOLDER ? '' : target, size: 0 };
}

/** @returns the manifest of the only image, renamed */
function manifestOf(content: Buffer, name: string): object {
  const list = manifestsIn(content);
  const [image] = list;
  if (image === undefined) throw new NotExactlyOneImage('contains no image');
  const tags = list.flatMap(({ RepoTags }) => RepoTags ?? []);
  const named = tags.length === 0 ? '' : ` (${tags.slice(0, 10).join(', ')})`;
  if (list.length > 1)
    throw new NotExactlyOneImage(`has ${list.length} images${named}, but must have one: save only one`);
  if (tags.length === 0)
    throw new NotExactlyOneImage('has an image without a tag: save it by its name and tag, not by its id');
  if (tags.length > 1)
    throw new NotExactlyOneImage(`has an image with ${tags.length} tags${named}: save it by one of them`);
  const { Config, Layers } = image;
  return { Config, RepoTags: [name], Layers };
}

function manifestsIn(content: Buffer): readonly Manifest[] {
  let all: unknown;
  try {
    all = JSON.parse(content.toString());
  } catch (error) {
    throw new UnpackFault('damaged', `${MANIFEST} is not JSON`, { cause: error });
  }
  if (Array.isArray(all) && all.every(isManifest)) return all;
  throw new UnpackFault('damaged', `${MANIFEST} is not in the format of docker save`);
}

function isManifest(value: unknown): value is Manifest {
  if (typeof value !== 'object' || value === null) return false;
  const { RepoTags = null } = value as { readonly RepoTags?: unknown };
  return RepoTags === null || (Array.isArray(RepoTags) && RepoTags.every(tag => typeof tag === 'string'));
}
