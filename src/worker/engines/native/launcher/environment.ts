import { shellQuoted } from '../../../../base/index.ts';
import type { Tools } from './tools.ts';

/**
 * The task's environment, prepared so that a shell passes it unchanged to the command that the shell becomes.
 *
 * The shell exports the variables right before it becomes the command. No other program obeys them (LD_PRELOAD), and no
 * value appears among a program's arguments, where every user of the machine could read it. A shell cannot export every
 * variable unchanged: some have names that it cannot spell, and some it changes (bash increments SHLVL, and drops from
 * UID whatever is not a number). Each of these is carried as the value of another variable, and one more program
 * restores it.
 */
export interface CarriedEnvironment {
  /** Variables that the shell exports. All have names that a shell can spell. */
  readonly variables: Record<string, string>;
  /**
   * Lines for the shell before it exports. They extend the command in "$@" so that it gets exactly the task's
   * environment.
   */
  readonly restore: string;
}

const PREFIX = 'TCW_CARRIED_';

/** A name that a shell can spell. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Variables that shells set, read or drop by themselves. */
const OF_SHELLS = new Set(
  (
    '_ CDPATH COLUMNS DIRSTACK ENV EUID FCEDIT FUNCNAME GROUPS HISTCMD HISTFILE HISTSIZE HOSTNAME HOSTTYPE IFS ' +
    'LINENO LINES MACHTYPE MAIL MAILCHECK MAILPATH OLDPWD OPTARG OPTERR OPTIND OSTYPE PIPESTATUS ' +
    'POSIXLY_CORRECT PPID PROMPT_COMMAND PWD RANDOM SECONDS SHELL SHELLOPTS SHLVL SRANDOM TERM TIMEFORMAT TMOUT UID'
  ).split(' '),
);

/** Prefixes of variables that the loader, the C library or bash obey. */
const OBEYED = /^(LD_|DYLD_|LC_|LANG|BASH|EPOCH|MALLOC_|GLIBC_|GCONV_|LOCPATH|NLSPATH|PS[0-9])/;

/** Variables that shells add to the environment of a program. */
const ADDED_BY_SHELLS = ['_', 'PWD', 'OLDPWD', 'SHLVL'];

/** The only variable that dash and busybox do not pass on unchanged. An OPTIND that is not a number makes dash exit. */
const CHECKED = 'OPTIND';

const passesPlainShell = (name: string) => NAME.test(name) && name !== CHECKED && !name.startsWith(PREFIX);

const passesAnyShell = (name: string) =>
  passesPlainShell(name) && !OF_SHELLS.has(name) && !OBEYED.test(name) && !name.startsWith('_');

/** Splits an environment into variables that a shell exports unchanged and variables that are carried. */
export function carryEnvironment(
  environment: Readonly<Record<string, string>>,
  tools: Pick<Tools, 'env' | 'envExpands' | 'nice' | 'shellKind'>,
): CarriedEnvironment {
  if (tools.shellKind !== 'other' && Object.keys(environment).every(passesPlainShell)) {
    // dash needs no additional program. busybox's shell does: it would prefer its built-in programs to those on the
    // PATH.
    const restore =
      tools.shellKind === 'dash'
        ? `unset ${ADDED_BY_SHELLS.join(' ')}`
        : `unset ${ADDED_BY_SHELLS.join(' ')}; set -- ${shellQuoted(tools.env)} -- "$@"`;
    return { variables: { ...environment }, restore };
  }
  const passes = tools.envExpands ? passesAnyShell : () => false;
  const variables: Record<string, string> = {};
  const carriers: string[] = [];
  for (const [name, value] of Object.entries(environment)) {
    if (passes(name)) {
      variables[name] = value;
    } else {
      const carrier = `${PREFIX}${carriers.length}`;
      variables[carrier] = `${name}=${value}`;
      carriers.push(carrier);
    }
  }
  return { variables, restore: tools.envExpands ? byEnv(carriers, tools) : byNode(tools) };
}

/** With -S, env(1) of GNU and the BSDs expands variables from its environment. Its arguments hold only their names. */
function byEnv(carriers: readonly string[], { env }: Pick<Tools, 'env'>): string {
  const removals = [...ADDED_BY_SHELLS, ...carriers].map(name => `-u ${name}`).join(' ');
  const assignments = carriers.map(name => `\${${name}}`).join(' ');
  return `set -- ${shellQuoted(env)} ${removals} -S ${shellQuoted(`-- ${assignments}`)} "$@"`;
}

/**
 * For busybox, whose env(1) has no -S. Node takes longer to start, ignores SIGPIPE, and raises the limit of open files.
 * The command inherits the last two, so Node is used only for names that no shell can spell.
 */
const BY_NODE = `
  const environment = {};
  for (const [name, entry] of Object.entries(process.env)) {
    if (!name.startsWith('${PREFIX}')) continue;
    const end = entry.indexOf('=');
    environment[entry.slice(0, end)] = entry.slice(end + 1);
  }
  const [nice, ...command] = process.argv.slice(1);
  process.execve(nice, [nice, '-n', '0', '--', ...command], environment);`;

function byNode({ nice }: Pick<Tools, 'nice'>): string {
  const words = [process.execPath, '--no-warnings', '-e', BY_NODE, '--', nice].map(shellQuoted).join(' ');
  return `set -- ${words} "$@"`;
}
