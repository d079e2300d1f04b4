import { TaskError, type TaskErrorKind } from '../../../outcome.ts';

/** Why an image cannot be fetched. */
export type ImageProblem =
  | 'engine'
  | 'missing'
  | 'credentials'
  | 'missing-or-credentials'
  | 'platform'
  | 'digest'
  | 'format'
  | 'rate'
  | 'disk-full'
  | 'unreachable'
  | 'cut'
  | 'slow'
  | 'unknown';

interface Problem {
  readonly pattern: RegExp;
  readonly text: string;
  readonly kind: TaskErrorKind;
  /** Whether a retry may help. */
  readonly isPassing: boolean;
}

/**
 * Error messages of engines, and of registries through them: there are no error codes. The first match counts.
 *
 * Observed with Docker 20.10 and docker-registry 2.8, and taken from the sources of newer versions.
 */
const PROBLEMS: Readonly<Record<Exclude<ImageProblem, 'unknown'>, Problem>> = {
  engine: {
    pattern: /^the Docker engine (at \S+ has not answered|broke off) /,
    text: 'the Docker engine of this machine went away',
    kind: 'internal-error',
    isPassing: true,
  },
  rate: {
    pattern: /toomanyrequests|too many requests|rate limit/i,
    text: 'the registry refuses it, because too many were pulled',
    kind: 'resource-unavailable',
    isPassing: true,
  },
  'disk-full': {
    pattern: /no space left|disk quota exceeded/i,
    text: 'the machine has run out of disk space',
    kind: 'resource-unavailable',
    isPassing: false,
  },
  slow: {
    pattern: /^nothing was received for /,
    text: 'it comes too slowly',
    kind: 'resource-unavailable',
    isPassing: true,
  },
  platform: {
    pattern:
      /no matching manifest for|no match for platform|does not match the (specified|expected) platform|cannot be used on this platform/i,
    text: 'there is none for this kind of machine',
    kind: 'malformed-payload',
    isPassing: false,
  },
  digest: {
    pattern:
      /verification failed|digest mismatch|unexpected digest|did not match.*digest|failed size validation|failed precondition/i,
    text: 'the registry sends content that does not match the digest',
    kind: 'resource-unavailable',
    isPassing: true,
  },
  'missing-or-credentials': {
    pattern: /does not exist or may require|requested access to the resource is denied/i,
    text: 'it does not exist, or the worker has no credentials for it',
    kind: 'malformed-payload',
    isPassing: false,
  },
  credentials: {
    pattern:
      /no basic auth credentials|unauthorized|authentication required|incorrect username or password|access forbidden|403 forbidden|\bdenied\b/i,
    text: "the registry requires credentials, and does not accept the worker's",
    kind: 'malformed-payload',
    isPassing: false,
  },
  missing: {
    pattern: /manifest unknown|name unknown|manifest for .* not found|repository .* not found|: not found$/i,
    text: 'it does not exist',
    kind: 'malformed-payload',
    isPassing: false,
  },
  format: {
    pattern:
      /invalid reference format|unsupported (manifest )?(media|image)|schema ?(version )?1|missing signature key|invalid manifest/i,
    text: 'this engine cannot read it',
    kind: 'malformed-payload',
    isPassing: false,
  },
  unreachable: {
    pattern:
      /connection refused|no such host|server misbehaving|no route to host|network is unreachable|name resolution|x509|server gave HTTP response|dial tcp/i,
    text: 'its registry cannot be reached',
    kind: 'resource-unavailable',
    isPassing: true,
  },
  cut: {
    pattern:
      /EOF|connection reset|broken pipe|ECONNRESET|other side closed|timeout|deadline exceeded|HTTP status: 5|(500|502|503|504) |Internal Server Error|Bad Gateway|Unavailable/i,
    text: 'its registry closes the connection early',
    kind: 'resource-unavailable',
    isPassing: true,
  },
};

/** An image cannot be fetched. */
export class ImageError extends TaskError {
  readonly problem: ImageProblem;
  /** Whether a retry may help. */
  readonly isPassing: boolean;

  /**
   * @param name of the image
   * @param words the engine's message
   */
  constructor(problem: ImageProblem, name: string, words: string, cause?: unknown) {
    const { text, kind, isPassing } =
      problem === 'unknown'
        ? { text: 'the engine cannot pull it', kind: 'resource-unavailable' as const, isPassing: true }
        : PROBLEMS[problem];
    super(kind, `no image ${name}: ${text} (${words.trim()})`, { cause });
    this.problem = problem;
    this.isPassing = isPassing;
  }
}

/** Finds the reason in an engine's message. */
export function imageProblem(words: string): ImageProblem {
  const found = Object.entries(PROBLEMS).find(([, { pattern }]) => pattern.test(words));
  return (found?.[0] as ImageProblem | undefined) ?? 'unknown';
}
