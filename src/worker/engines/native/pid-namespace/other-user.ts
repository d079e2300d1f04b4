/**
 * How commands get another user than the worker's. All are words of the opener's shell, in which `$mark` and `$1` and so on
 * are known (opener.ts).
 */
export interface OtherUser {
  /** Options of unshare, for more namespaces. */
  readonly unshare: readonly string[];
  /** The names of those namespaces in /proc/<pid>/ns, which are nsenter's names for them, too. */
  readonly spaces: readonly string[];
  /**
   * Lines that the first process runs before anything else is in its namespace. `$3` is the program mount, and the
   * `arguments` are `$5` and so on.
   */
  readonly lines: string;
  readonly arguments: string;
  /** Lines for the shell that starts commands, before it starts any. The mark is in the variable TCW_KEEPER (mark.ts). */
  readonly launcherLines: string;
  /** Makes what comes after it another user's. */
  readonly become: string;
}
