import { Secret } from '../../base/index.ts';
import type { Credentials } from '../../taskcluster/index.ts';
import { Failure } from '../words/failure.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A Taskcluster deployment, and the credentials for calls to it. */
export interface Deployment {
  readonly rootUrl: string;
  /** Undefined if the environment has none. Calls are then not signed. */
  readonly credentials: Credentials | undefined;
}

/** The exit code for a wrong command line, EX_USAGE of sysexits.h. */
const USAGE = 64;

/**
 * Finds the deployment for a command: from `--root-url`, otherwise from the TASKCLUSTER_* variables.
 *
 * @throws Failure 64 if the root URL is missing or not a URL, or if only half of the credentials are set
 */
export function deploymentOf(rootUrlOption: string | undefined, environment: Environment): Deployment {
  const [source, rootUrl] =
    rootUrlOption === undefined
      ? ['TASKCLUSTER_ROOT_URL', environment.TASKCLUSTER_ROOT_URL ?? '']
      : ['--root-url', rootUrlOption];
  if (rootUrlOption === undefined && rootUrl === '')
    throw usage('no deployment: set TASKCLUSTER_ROOT_URL, or give --root-url. tcw dev prints its own');
  if (!/^https?:$/.test(URL.parse(rootUrl)?.protocol ?? ''))
    throw usage(`${source} is not an http or https URL, such as https://tc.example.com`);
  return { rootUrl, credentials: credentialsOf(environment) };
}

function credentialsOf(environment: Environment): Credentials | undefined {
  const {
    TASKCLUSTER_CLIENT_ID: clientId,
    TASKCLUSTER_ACCESS_TOKEN: accessToken,
    TASKCLUSTER_CERTIFICATE: certificate,
  } = environment;
  if (!clientId && !accessToken) return undefined;
  if (!clientId) throw usage('TASKCLUSTER_ACCESS_TOKEN is set, and TASKCLUSTER_CLIENT_ID is not');
  if (!accessToken) throw usage('TASKCLUSTER_CLIENT_ID is set, and TASKCLUSTER_ACCESS_TOKEN is not');
  return {
    clientId,
    accessToken: new Secret(accessToken),
    ...(certificate && { certificate: new Secret(certificate) }),
  };
}

function usage(message: string): Failure {
  return new Failure(USAGE, message);
}
