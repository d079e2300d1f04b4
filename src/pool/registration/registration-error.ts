/** Why the worker cannot join its pool:
 *
 * - `configuration`: something that the machine was given is missing or wrong
 * - `machine`: the machine cannot say who it is, or worker-manager does not take it
 */
type RegistrationFault = 'configuration' | 'machine';

/** The worker cannot join its pool. The message is for a person, and holds no secret. */
export class RegistrationError extends Error {
  override readonly name = 'RegistrationError';
  readonly fault: RegistrationFault;

  constructor(fault: RegistrationFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}
