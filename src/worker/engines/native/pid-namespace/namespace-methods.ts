import type { Tools } from '../launcher/tools.ts';

/** A way to create and enter a PID namespace. The machine decides which one works. */
export interface PidNamespaceMethod {
  /** Runs the arguments after it as the first process of a new namespace. */
  readonly unshare: readonly string[];
  /** The programs umount and mount, if the first process is to remove the machine's /proc. */
  readonly remount: readonly string[];
  readonly nsenter: string;
  /** Runs the arguments after it with fewer rights than the first process, so that they cannot trace it. */
  readonly drop: readonly string[];
  readonly setsid: string;
  /** Whether the namespace is inside a user namespace, which gives an ordinary user the right to create it. */
  readonly userNamespace: boolean;
}

/**
 * The methods worth trying on this machine, best first. Empty when a program that all of them need is missing.
 *
 * A Linux process can trace another one only if it has all of the other's capabilities (ptrace(2)). So the first
 * process of a namespace keeps capabilities that commands do not have. These are the ones by which an ordinary user
 * created the namespace (util-linux 2.36), or, where the commands are root, CAP_SYS_PTRACE. Without setpriv, it has no
 * more capabilities than the commands.
 */
export function pidNamespaceMethods(tools: Tools): PidNamespaceMethod[] {
  const { unshare, nsenter, setsid, setpriv, mount, umount } = tools;
  if (unshare === undefined || nsenter === undefined || setsid === undefined) return [];
  // With this, the kernel ends all members when the worker ends, even if the task has stopped the namespace's helper.
  const guard = setpriv === undefined ? [] : [setpriv, '--pdeathsig', 'KILL', '--'];
  const without = (rights: string) =>
    setpriv === undefined ? [] : [setpriv, `--bounding-set=${rights}`, `--inh-caps=${rights}`, '--'];
  const method = (user: readonly string[], careful: readonly string[], drop: readonly string[]) => {
    const [before, proc, remount] =
      careful === guard && user.length === 0 && mount !== undefined && umount !== undefined
        ? [guard, '--mount', [umount, mount]]
        : [careful, '--mount-proc', []];
    const unshareArgs = [...before, unshare, ...user, '--pid', '--fork', '--kill-child', proc, '--'];
    return { unshare: unshareArgs, remount, nsenter, drop, setsid, userNamespace: user.length > 0 };
  };
  const current = ['--user', '--map-current-user'];
  // util-linux before 2.34 can only map the user to root.
  const root = ['--user', '--map-root-user'];
  // A process that can mount in a user namespace can uncover the machine's /proc, which shows the launcher shell.
  const inUserNamespace = without('-sys_ptrace,-sys_admin');
  const isRoot = process.getuid?.() === 0;
  return [
    ...(isRoot ? [method([], guard, without('-sys_ptrace')), method([], [], [])] : []),
    ...(isRoot
      ? [method(current, guard, inUserNamespace)]
      : [method([...current, '--keep-caps'], guard, []), method(current, guard, [])]),
    method(current, [], []),
    method(root, guard, inUserNamespace),
    method(root, [], []),
  ];
}
