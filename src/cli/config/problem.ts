import { EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';

/**
 * A problem in a configuration. The message says where and what, and contains no secret.
 *
 * - `cannot-load`: the source cannot be read or parsed, or has an unknown name or a value of the wrong type
 * - `invalid`: the source was read, but a value is missing, out of range or contradictory
 */
export interface Problem {
  readonly kind: 'cannot-load' | 'invalid';
  readonly message: string;
}

export function cannotLoad(message: string): Problem {
  return { kind: 'cannot-load', message };
}

export function invalid(message: string): Problem {
  return { kind: 'invalid', message };
}

/**
 * All problems of one configuration in one message. generic-worker loads the whole configuration before it checks the
 * values, so a single `cannot-load` problem decides the exit code.
 */
export class ConfigurationError extends Failure {
  override readonly name = 'ConfigurationError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], remarks: readonly string[] = []) {
    const { cannotLoadConfig, invalidConfig } = EXIT_CODES;
    const loaded = problems.every(({ kind }) => kind === 'invalid');
    super(loaded ? invalidConfig.code : cannotLoadConfig.code, listed(problems, remarks));
    this.problems = problems;
  }
}

function listed(problems: readonly Problem[], remarks: readonly string[]): string {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  const lines = problems.map(({ message }) => `  - ${message}`);
  const notes = remarks.length === 0 ? [] : ['and these warnings:', ...remarks.map(line => `  - ${line}`)];
  return [`the configuration has ${count}:`, ...lines, ...notes].join('\n');
}
