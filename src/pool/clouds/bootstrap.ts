import type { Identity } from '../registration/identity.ts';
import { RegistrationError } from '../registration/registration-error.ts';
import { required } from './metadata-text.ts';

type Given = Pick<Identity, 'rootUrl' | 'workerPoolId' | 'providerId' | 'workerGroup'>;

// worker-manager's own rules (services/worker-manager/schemas/constants.yml).
const POOL = /^[a-zA-Z0-9_-]{1,38}\/[a-z]([-a-z0-9]{0,36}[a-z0-9])?$/;
const NAME = /^[a-zA-Z0-9_-]{1,38}$/;
const ROOT = /^https?:\/\/[^\s/?#@\\]+\/*$/i;

/**
 * Reads the values with which a machine finds worker-manager. They say where the machine sends its proof of identity,
 * so each value is checked.
 *
 * @param values the values by their names in this cloud
 * @param names the names of the four values in this cloud
 * @throws RegistrationError that names the value
 */
export function bootstrap(
  values: Readonly<Record<string, unknown>>,
  names: Readonly<Record<keyof Given, string>>,
  where: string,
): Given {
  const read = (name: keyof Given, isValid: (value: string) => boolean) => {
    const value = required(values[names[name]], `${names[name]} in ${where}`);
    if (isValid(value)) return value;
    throw new RegistrationError(
      'machine',
      `${names[name]} in ${where} is not valid: ${JSON.stringify(value)}`,
    );
  };
  return {
    rootUrl: new URL(read('rootUrl', value => ROOT.test(value) && URL.canParse(value))).origin,
    workerPoolId: read('workerPoolId', value => POOL.test(value)),
    providerId: read('providerId', value => NAME.test(value)),
    workerGroup: read('workerGroup', value => NAME.test(value)),
  };
}

/** The names on AWS and Google. */
export const BOOTSTRAP_NAMES = {
  rootUrl: 'rootUrl',
  workerPoolId: 'workerPoolId',
  providerId: 'providerId',
  workerGroup: 'workerGroup',
} as const;
