/** The machine lacks what the engine `user` needs, or the worker's user has too few rights. */
export class CannotWorkHere extends Error {
  override readonly name = 'CannotWorkHere';
}
