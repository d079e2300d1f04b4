import { Secret, validator } from '../../../base/index.ts';
import { taskCredentials, type Credentials } from '../../../taskcluster/index.ts';
import type { Identity, Machine } from '../identity.ts';
import { isJsonObjectText } from '../../json-object-text.ts';

/** The result of a registration. It is kept on disk, since a cloud machine gets it only once. */
export interface RegistrationState {
  readonly identity: Identity;
  /** The provider's name: `static`, `aws`, … */
  readonly provider: string;
  readonly location: Readonly<Record<string, string>>;
  readonly machine: Machine;
  readonly metadata: Readonly<Record<string, string>>;
  /** When the credentials expire, in ms since the epoch. */
  readonly expiresMs: number;
  readonly credentials: Credentials;
  /** The secret for the next renewal. It can be used once. */
  readonly secret: Secret;
  /** The pool's `workerConfig`, unchanged. */
  readonly workerConfig: Readonly<Record<string, unknown>>;
  /** Whether the pool's files are on disk. They are written once. */
  readonly filesWritten: boolean;
}

const text = { type: 'string' } as const;
const texts = { type: 'object', additionalProperties: text } as const;
const object = (properties: Readonly<Record<string, object>>, optional: readonly string[] = []) => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter(name => !optional.includes(name)),
});

const problemsOf = validator(
  object({
    version: { const: 1 },
    identity: object({
      rootUrl: text,
      providerId: text,
      workerPoolId: text,
      workerGroup: text,
      workerId: text,
    }),
    provider: text,
    location: texts,
    machine: texts,
    metadata: texts,
    expires: { type: 'string', format: 'date-time' },
    credentials: object({ clientId: text, accessToken: text, certificate: text }, ['certificate']),
    secret: text,
    workerConfig: { type: 'object' },
    filesWritten: { type: 'boolean' },
  }),
);

/** Serializes a registration for the file. The text contains secrets. */
export function stateText(state: RegistrationState): string {
  const { expiresMs, credentials, secret, ...rest } = state;
  const { clientId, accessToken, certificate } = credentials;
  return JSON.stringify({
    version: 1,
    ...rest,
    expires: new Date(expiresMs).toISOString(),
    credentials: {
      clientId,
      accessToken: accessToken.reveal(),
      ...(certificate && { certificate: certificate.reveal() }),
    },
    secret: secret.reveal(),
  });
}

/**
 * Parses a text from {@link stateText}.
 *
 * @returns undefined if it is anything else; there is no message, since the text may contain secrets
 */
export function stateOf(content: string): RegistrationState | undefined {
  let read: unknown;
  try {
    read = JSON.parse(content);
  } catch {
    return undefined;
  }
  if (problemsOf(read).length > 0 || leaseProblem(read as WrittenState) !== undefined) return undefined;
  const { version: _, expires, credentials, secret, ...rest } = read as WrittenState;
  return {
    ...rest,
    expiresMs: Date.parse(expires),
    credentials: registeredCredentials(credentials),
    secret: new Secret(secret),
  };
}

interface WrittenState extends Omit<RegistrationState, 'expiresMs' | 'credentials' | 'secret'> {
  readonly version: 1;
  readonly expires: string;
  readonly credentials: WrittenCredentials;
  readonly secret: string;
}

interface WrittenCredentials {
  readonly clientId: string;
  readonly accessToken: string;
  readonly certificate?: string;
}

/**
 * Checks what the schema of a registration leaves open: its expiry must be a time, and its credentials must be able to
 * sign a request.
 *
 * @returns the place and the problem, without the value, which may be secret; undefined if there is none
 */
export function leaseProblem({
  expires,
  credentials: { clientId, accessToken, certificate },
}: Pick<WrittenState, 'expires' | 'credentials'>): string | undefined {
  // JSON schema allows leap seconds, which JavaScript lacks.
  if (Number.isNaN(Date.parse(expires))) return '/expires is not a time';
  if (clientId === '') return '/credentials/clientId is empty';
  if (accessToken === '') return '/credentials/accessToken is empty';
  if (certificate && !isJsonObjectText(certificate)) return '/credentials/certificate is not a JSON object';
  return undefined;
}

/** Wraps credentials in {@link Secret}s. Without a certificate, or with an empty one, they are permanent. */
export function registeredCredentials({
  clientId,
  accessToken,
  certificate,
}: WrittenCredentials): Credentials {
  if (certificate) return taskCredentials({ clientId, accessToken, certificate });
  return { clientId, accessToken: new Secret(accessToken) };
}
