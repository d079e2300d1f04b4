/** Why the worker cannot join its pool:
 *
 * - `configuration`: a setting that the machine was given is missing or wrong
 * - `machine`: the machine cannot be identified, or worker-manager does not accept it
 */
type RegistrationFault = 'configuration' | 'machine';

/** The worker cannot join its pool. The message is meant for people and contains no secrets. */
export class RegistrationError extends Error {
  override readonly name = 'RegistrationError';
  readonly fault: RegistrationFault;

  constructor(fault: RegistrationFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}
