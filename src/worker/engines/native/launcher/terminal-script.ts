import type { Command } from '../../engine.ts';
import { carryEnvironment } from './environment.ts';
import type { LaunchOptions } from './launcher.ts';
import { shellQuoted } from '../../../../base/index.ts';

/** A program that a shell becomes, and variables for that shell. */
export interface TerminalScript {
  readonly script: string;
  /** Harmless to programs that start earlier: variables that such programs obey are carried under other names. */
  readonly variables: Readonly<Record<string, string>>;
}

/**
 * Makes a shell inside become a program with exactly the given environment, in the run's folder and within its limits.
 */
export function terminalScript(
  { argv, env }: Pick<Command, 'argv' | 'env'>,
  { tools, folder, limits }: Pick<LaunchOptions, 'tools' | 'folder' | 'limits'>,
): TerminalScript {
  const { variables, restore } = carryEnvironment(env, { ...tools, shellKind: 'other' });
  const script = `
    cd -- ${shellQuoted(folder)} || exit 1
    ${limits}
    set -- ${argv.map(shellQuoted).join(' ')}
    ${env.PATH === undefined ? 'unset PATH' : ''}
    ${restore}
    exec "$@"`;
  return { script, variables };
}
