import type { Tools } from './tools.ts';

/**
 * How a task's environment passes, unchanged, through the programs that start its command.
 *
 * Those programs (nsenter, sh, setsid) are given the task's environment so that its values, which may be secret, are
 * in no program's arguments, where every user of the machine can read them. But a shell changes some variables (it
 * counts SHLVL, sets PWD and drops PS1), drops names that it can not spell, and the dynamic loader obeys LD_PRELOAD
 * outside the sandbox as well as inside. Such variables travel as the value of another one, and env(1), the last
 * program before the command, puts them in their place.
 */
export interface CarriedEnvironment {
  /** What the starting programs get. The names are such that a shell can spell them. */
  readonly variables: Record<string, string>;
  /** Lines for a shell that turn "$@", a command, into one that has exactly the task's environment. */
  readonly restore: string;
}

const PREFIX = 'TCW_CARRIED_';

/** A name that every shell takes over and exports as it is. */
const PLAIN = /^[A-Za-z][A-Za-z0-9_]*$/;

/** Variables that shells set, read or forget by themselves. */
const OF_SHELLS = new Set(
  (
    'CDPATH COLUMNS DIRSTACK ENV EUID FCEDIT FUNCNAME GROUPS HISTCMD HISTFILE HISTSIZE HOSTNAME HOSTTYPE IFS ' +
    'LINENO LINES MACHTYPE MAIL MAILCHECK MAILPATH OLDPWD OPTARG OPTERR OPTIND OSTYPE PIPESTATUS ' +
    'POSIXLY_CORRECT PPID PROMPT_COMMAND PWD RANDOM SECONDS SHELL SHELLOPTS SHLVL SRANDOM TERM TIMEFORMAT TMOUT UID'
  ).split(' '),
);

/** Families of variables that the loader, the C library or bash obey. */
const OBEYED = /^(LD_|DYLD_|LC_|LANG|BASH|EPOCH|MALLOC_|GLIBC_|GCONV_|LOCPATH|NLSPATH|PS[0-9])/;

/** What shells add by themselves to the environment of what they start. */
const ADDED_BY_SHELLS = ['_', 'PWD', 'OLDPWD', 'SHLVL'];

/** What dash adds, which can be unset. Other shells put some of theirs back for each program. */
const ADDED_BY_PLAIN_SHELLS = 'PWD OLDPWD';

/** Of these, dash takes no notice, and what it starts has no message that they would change. */
const LANGUAGE = /^(LANG|LC_[A-Z]+)$/;

const passesUnchanged = (name: string, shellIsPlain: boolean) =>
  (shellIsPlain && LANGUAGE.test(name)) ||
  (PLAIN.test(name) && !OF_SHELLS.has(name) && !OBEYED.test(name) && !name.startsWith(PREFIX));

/** Splits an environment into what may pass the starting programs as it is and what is carried past them. */
export function carryEnvironment(
  environment: Readonly<Record<string, string>>,
  { env, shellIsPlain }: Pick<Tools, 'env' | 'shellIsPlain'>,
): CarriedEnvironment {
  const variables: Record<string, string> = {};
  const carriers: string[] = [];
  for (const [name, value] of Object.entries(environment)) {
    if (passesUnchanged(name, shellIsPlain)) {
      variables[name] = value;
    } else {
      const carrier = `${PREFIX}${carriers.length}`;
      variables[carrier] = `${name}=${value}`;
      carriers.push(carrier);
    }
  }
  // One program less to start.
  if (shellIsPlain && carriers.length === 0) return { variables, restore: `unset ${ADDED_BY_PLAIN_SHELLS}` };
  const removals = ADDED_BY_SHELLS.map(name => `-u ${name}`).join(' ');
  const assignments = carriers.map(name => `"$${name}"`).join(' ');
  // The carriers are unset, or what they carry would count twice against the system's limit.
  const restore = `set -- ${env} ${removals} -- ${assignments} "$@"; unset ${carriers.join(' ')}`;
  return { variables, restore };
}
