import type { ServiceError } from '../../taskcluster/index.ts';
import type { WorkerConfig } from '../../worker/index.ts';
import { EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import { serviceErrorText } from '../words/service-error-text.ts';

const WAYS = 'the configuration file, TCW_CERTIFICATE, TASKCLUSTER_CERTIFICATE, or --certificate';

/**
 * Checks the certificate of temporary credentials. Without a readable certificate, no call can be made.
 *
 * @throws Failure
 */
export function assertCertificate({ certificate }: WorkerConfig): void {
  const problem = certificate && certificateProblem(certificate.reveal());
  if (problem === undefined) return;
  throw new Failure(
    EXIT_CODES.invalidConfig.code,
    `certificate ${problem}: give all of it, as Taskcluster created it, in ${WAYS}; permanent credentials have none`,
  );
}

/** The fields of a certificate: https://docs.taskcluster.net/docs/manual/design/apis/hawk/temporary-credentials. */
const FIELDS = {
  version: 'number',
  start: 'number',
  expiry: 'number',
  seed: 'string',
  signature: 'string',
} as const;

function certificateProblem(text: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'is not JSON';
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'is not a JSON object';
  const certificate = value as Readonly<Record<string, unknown>>;
  const wrong = Object.entries(FIELDS).filter(([name, type]) => typeof certificate[name] !== type);
  const names = [...wrong.map(([name]) => name), ...(Array.isArray(certificate.scopes) ? [] : ['scopes'])];
  return names.length === 0 ? undefined : `lacks ${names.join(', ')}, or has something else in their place`;
}

/** The failure with which `tcw run` ends when the queue refuses the worker's credentials. */
export function refusedCredentials(config: WorkerConfig, error: ServiceError): Failure {
  if (config.provider !== 'standalone') return refusedRegistration(config, error);
  const { clientId } = config;
  const what = /certificate/i.test(error.message)
    ? 'clientId and accessToken, or renew the certificate'
    : 'clientId and accessToken';
  return new Failure(
    EXIT_CODES.invalidConfig.code,
    `the queue refuses the credentials of ${clientId}; correct ${what}: ${serviceErrorText(error)}`,
  );
}

/** The failure for credentials from a registration, which no user can correct in the configuration. */
function refusedRegistration(
  { provider, registrationFile }: Pick<WorkerConfig, 'provider' | 'registrationFile'>,
  error: ServiceError,
): Failure {
  const fix =
    provider === 'static'
      ? `if the worker was removed from its pool, create it again; otherwise delete ${registrationFile} and start again`
      : 'a cloud machine cannot register again, so replace it';
  return new Failure(
    EXIT_CODES.invalidConfig.code,
    `the queue refuses the credentials that worker-manager gave this worker: ${serviceErrorText(error)}; check the clock of this machine; ${fix}`,
  );
}
