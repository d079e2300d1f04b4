/** The machine does not meet the requirements of the engine `user`, or the worker's user has too few rights. */
export class UserEngineUnavailable extends Error {
  override readonly name = 'UserEngineUnavailable';
}
