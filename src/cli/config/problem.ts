import { EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';

/**
 * Something wrong with a configuration. The message says where and what, and holds no secret.
 *
 * - `cannot-load`: not readable, not parseable, an unknown name, a value of the wrong type
 * - `invalid`: read and understood, but missing, out of range or contradictory
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
 * All problems of one configuration in one message. generic-worker fails while it loads before it looks at what
 * it has loaded, so a single `cannot-load` decides the exit code.
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
  const notes = remarks.length === 0 ? [] : ['and, though not wrong:', ...remarks.map(line => `  - ${line}`)];
  return [`the configuration has ${count}:`, ...lines, ...notes].join('\n');
}
