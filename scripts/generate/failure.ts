/** Exit codes of the generator, after sysexits.h. */
const EXIT_USAGE = 64;
export const EXIT_UNREACHABLE = 69;

/** The reason why nothing was generated, in one line for a person, with the exit code. */
export class GenerateFailure extends Error {
  override readonly name = 'GenerateFailure';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT_USAGE, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
