import { shellQuoted } from '../../../../base/index.ts';
import type { Tools } from './tools.ts';

/**
 * How a task's environment gets, unchanged, from a shell to the command that the shell becomes.
 *
 * The shell exports variables right before it becomes the command, so that no other program obeys them (LD_PRELOAD), and
 * no value is among a program's arguments, where every user of the machine can read it. Some variables a shell cannot
 * export as they are: it cannot spell their names, or it changes them (bash counts SHLVL, and drops what is not a
 * number from UID). Each of these travels as the value of another variable, and one more program puts it in its place.
 */
export interface CarriedEnvironment {
  /** Variables that the shell exports. It can spell their names. */
  readonly variables: Record<string, string>;
  /**
   * Lines for the shell before it exports. They extend the command in "$@" so that it gets exactly the task's environment.
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

/** The one variable that dash and busybox do not pass on as it is: an OPTIND that is no number ends dash. */
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
    // dash is one program less to start. The shell of busybox would take its own programs for those on the task's PATH.
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

/** With -S, env(1) of GNU and of the BSDs takes words from its environment: its own arguments hold only their names. */
function byEnv(carriers: readonly string[], { env }: Pick<Tools, 'env'>): string {
  const removals = [...ADDED_BY_SHELLS, ...carriers].map(name => `-u ${name}`).join(' ');
  const assignments = carriers.map(name => `\${${name}}`).join(' ');
  return `set -- ${shellQuoted(env)} ${removals} -S ${shellQuoted(`-- ${assignments}`)} "$@"`;
}

/**
 * busybox has no such env(1). Node takes longer to start, ignores SIGPIPE, and raises the limit of open files, and the
 * command inherits that; so it is only for what no shell can spell.
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
