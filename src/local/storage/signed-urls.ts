import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** The object store's buckets: for content that everybody may read, and for content that needs a signed URL. */
export type Bucket = 'public-bucket' | 'private-bucket' | 'object-bucket';

/** The parts of an object store URL. */
export interface StorageUrl {
  readonly method: 'GET' | 'PUT';
  readonly bucket: Bucket;
  readonly key: string;
}

/** Returns the store's key for an object of a bucket. */
export function storageKey({ bucket, key }: Pick<StorageUrl, 'bucket' | 'key'>): string {
  return `${bucket}/${key}`;
}

/** Creates URLs that allow one operation until they expire, like S3's presigned URLs. */
export interface SignedUrls {
  /** @param expires milliseconds since the epoch */
  sign(url: StorageUrl, expires: number): string;
  unsigned(url: StorageUrl): string;
  /** Whether the query of a URL contains its valid signature, and has not expired. */
  check(url: StorageUrl, query: Readonly<Record<string, unknown>>, now: number): boolean;
}

/** Returns the bucket for an artifact of this name. */
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
