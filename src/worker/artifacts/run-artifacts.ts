import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip as gzipOf } from 'node:zlib';
import type { PostArtifactRequest, RunCalls } from '../../taskcluster/index.ts';
import { sizeOf, type FileSource } from '../files/file-source.ts';
import { gzipped } from '../files/gzip.ts';
import { namelessFile } from '../files/new-file.ts';
import { unchangedUpload, type Upload } from '../files/put.ts';
import { retryRead } from '../files/retry-read.ts';
import { objectStore } from './object-store.ts';
import { s3Store } from './s3-store.ts';
import type { ArtifactSink, Content, UploadOptions } from './sink.ts';

interface RunArtifactsOptions {
  readonly calls: Pick<RunCalls, 'createArtifact' | 'finishArtifact' | 'serviceAs'>;
  /** Default expiry of artifacts, in ISO 8601. */
  readonly expires: string;
  /** Temporary files are created beside this path. */
  readonly beside: string;
  /** Where content is stored. By default S3. */
  readonly storage?: 's3' | 'object';
  /** Called for each artifact whose content is stored. */
  readonly onUploaded?: (uploaded: UploadedArtifact) => void;
}

/** The cost of an upload. */
interface UploadedArtifact {
  readonly name: string;
  /** The bytes sent by the successful attempt. */
  readonly bytes: number;
  /** Number of attempts. */
  readonly tries: number;
  /** Time since the first byte of the first attempt, in ms. */
  readonly tookMs: number;
}

const gzip = promisify(gzipOf);

/** The queue's limit for the message of an error artifact, in characters. */
const MAX_MESSAGE_LENGTH = 4096;

/** Creates and uploads the artifacts of one run. */
export function runArtifacts({
  calls,
  expires: usual,
  beside,
  storage = 's3',
  onUploaded,
}: RunArtifactsOptions): ArtifactSink {
  const reserved = new Map<string, string>();
  const digests = new Map<string, string>();
  let areDigestsWanted = false;
  const store = storage === 's3' ? s3Store(calls) : objectStore(calls);

  /** Requests in progress, by name. A link must not be created before the reference that it replaces. */
  const creations = new Map<string, Promise<void>>();
  const createInOrder = async (
    name: string,
    request: PostArtifactRequest,
    signal: AbortSignal,
  ): Promise<void> => {
    const before = creations.get(name);
    const created = Promise.allSettled([before]).then(async () => {
      await calls.createArtifact(name, request, signal);
    });
    creations.set(name, created);
    await created;
  };

  /** @param onDigest receives the SHA-256 of the compressed content, if it is wanted */
  const compress = async (
    source: Exclude<FileSource, Buffer>,
    { size, signal, compressed, onEncoded }: UploadOptions,
    disposal: AsyncDisposableStack,
    onDigest: ((sha256: string) => void) | undefined,
  ): Promise<Upload> => {
    const ready = onDigest ? undefined : await compressed?.();
    if (ready) return { ...(await unchangedUpload(ready)), contentEncoding: 'gzip' };
    const newTarget = () => namelessFile(`${beside}.artifact`);
    const compressOnce = async () => {
      const hash = onDigest && createHash('sha256');
      const onPiece = hash && ((piece: Buffer) => void hash.update(piece));
      const made = await gzipped(source, newTarget, { size, signal, onPiece });
      if (hash) onDigest?.(hash.digest('hex'));
      return made;
    };
    const zip = disposal.use(await retryRead(compressOnce, signal));
    // Each upload may hold two descriptors, not three.
    if (zip.content !== source) await onEncoded?.();
    return zip;
  };

  return {
    digests,
    // The object service keeps what it was given first.
    canReplace: storage === 's3',
    wantDigests: () => {
      areDigestsWanted = true;
    },
    reserve: (name, feature) => {
      reserved.set(name, feature);
    },
    reservedBy: name => reserved.get(name),
    upload: async (name, content, options) => {
      await using disposal = new AsyncDisposableStack();
      const { contentType, contentEncoding, expires = usual, size, signal, onSent } = options;
      const contentLength = await lengthOf(content, size);
      let digest: string | undefined;
      const isDigestWanted = areDigestsWanted && (options.isCertified ?? !reserved.has(name));
      const onDigest = isDigestWanted
        ? (sha256: string) => {
            digest = sha256;
          }
        : undefined;
      const encode = async (): Promise<Upload> => {
        const source = await content;
        if (contentEncoding === 'identity' || !store.takesGzip) return unchangedUpload(source, size);
        if (!Buffer.isBuffer(source)) return compress(source, options, disposal, onDigest);
        onDigest?.(createHash('sha256').update(source).digest('hex'));
        return { ...(await unchangedUpload(await gzip(source))), contentEncoding };
      };
      const create = async () => {
        const put = await store.create({ name, contentType, expires, contentLength }, signal);
        options.onCreated?.();
        return put;
      };
      // The queue creates the artifact while it is being compressed.
      const [put, encoded] = await both(create(), encode());
      const isPlain = encoded.contentEncoding === 'identity';
      let tries = 0;
      const onTry = () => {
        tries += 1;
      };
      const startedAt = performance.now();
      await put(encoded, { signal, onSent, onTry, onDigest: isPlain ? onDigest : undefined });
      const tookMs = performance.now() - startedAt;
      // Content that the object service took inside its request was sent once.
      onUploaded?.({ name, bytes: encoded.size, tries: Math.max(1, tries), tookMs });
      // Only existing content is certified.
      if (digest !== undefined) digests.set(name, digest);
    },
    link: (name, { artifact, contentType, expires = usual, signal }) =>
      createInOrder(name, { storageType: 'link', artifact, contentType, expires }, signal),
    reference: (name, { url, contentType, expires = usual, signal }) =>
      createInOrder(name, { storageType: 'reference', url, contentType, expires }, signal),
    error: (name, { reason, message, expires = usual, signal }) =>
      createInOrder(name, { storageType: 'error', reason, message: shortened(message), expires }, signal),
  };
}

/** A path in a message may be longer than the queue accepts. */
function shortened(message: string): string {
  return message.length > MAX_MESSAGE_LENGTH ? `${message.slice(0, MAX_MESSAGE_LENGTH - 1)}…` : message;
}

/** Returns the length of the content, if it is already known. */
async function lengthOf(content: Content, given: number | undefined): Promise<number | undefined> {
  if (Buffer.isBuffer(content)) return content.length;
  return given ?? (content instanceof Promise ? undefined : await sizeOf(content));
}

/** Waits for two operations. If one fails, the other is abandoned. */
async function both<One, Other>(one: Promise<One>, other: Promise<Other>): Promise<[One, Other]> {
  await Promise.allSettled([one, other]);
  return Promise.all([one, other]);
}
