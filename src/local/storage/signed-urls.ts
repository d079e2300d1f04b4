import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Where an object store keeps what anybody may read, and what only the holder of a signed URL may. */
export type Bucket = 'public-bucket' | 'private-bucket' | 'object-bucket';

/** A URL of the object store, taken apart. */
export interface StorageUrl {
  readonly method: 'GET' | 'PUT';
  readonly bucket: Bucket;
  readonly key: string;
}

/** What the store calls an object of a bucket. */
export function storageKey({ bucket, key }: Pick<StorageUrl, 'bucket' | 'key'>): string {
  return `${bucket}/${key}`;
}

/** Makes URLs that let their holder do one thing until they expire, as S3's presigned URLs do. */
export interface SignedUrls {
  /** @param expires milliseconds since the epoch */
  sign(url: StorageUrl, expires: number): string;
  unsigned(url: StorageUrl): string;
  /** Whether the query of a URL is the signature of it, and has not expired. */
  check(url: StorageUrl, query: Readonly<Record<string, unknown>>, now: number): boolean;
}

/** The bucket for an artifact of this name. */
export function bucketFor(name: string): Bucket {
  return name.startsWith('public/') ? 'public-bucket' : 'private-bucket';
}

export function createSignedUrls(rootUrl: () => string): SignedUrls {
  const secret = randomBytes(32);
  const mac = ({ method, bucket, key }: StorageUrl, expires: string): Buffer =>
    createHmac('sha256', secret).update([method, bucket, key, expires].join('\n')).digest();
  const unsigned = ({ bucket, key }: StorageUrl): string =>
    `${rootUrl()}/${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;
  return {
    unsigned,
    sign: (url, expires) =>
      `${unsigned(url)}?expires=${expires}&signature=${mac(url, String(expires)).toString('hex')}`,
    check(url, { expires, signature }, now) {
      if (typeof expires !== 'string' || typeof signature !== 'string') return false;
      const given = Buffer.from(signature, 'hex');
      const wanted = mac(url, expires);
      return given.length === wanted.length && timingSafeEqual(given, wanted) && Number(expires) > now;
    },
  };
}
