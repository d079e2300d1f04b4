import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

/** What lives exactly as long as this process, however this process ends. */
export interface LifelinePlan {
  /** Started in this order, killed in the other. When one ends by itself, all end. */
  readonly processes: readonly {
    readonly command: string;
    readonly args: readonly string[];
    readonly env: Readonly<Record<string, string>>;
  }[];
  /** Commands to run when the processes are gone. */
  readonly farewell: readonly { readonly command: string; readonly args: readonly string[] }[];
  /** Gets what the processes print. */
  readonly log: string;
  /** Removed last, with everything in it. */
  readonly folder: string;
}

export interface Lifeline {
  /** Aborted when everything has ended; the reason is an error that says why, with the last lines of the log. */
  readonly ended: AbortSignal;
  /** Ends everything; settles when it is gone. May be called twice. */
  cut(): Promise<void>;
}

/**
 * Starts the processes of a plan under a process that holds the other end of a pipe. However this process ends
 * (SIGKILL too), the pipe closes, and the other end kills, says farewell and tidies up.
 */
export function startLifeline(plan: LifelinePlan): Lifeline {
  const script = fileURLToPath(new URL('lifeline-process.ts', import.meta.url));
  // Its own session: a Ctrl-C in the terminal is for this process, which decides what follows.
  const child = spawn(process.execPath, [script, JSON.stringify(plan)], {
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = new AbortController();
  const closed = once(child, 'close').then(() => {
    ended.abort(new Error(said.trim() || 'ended when it was told to'));
  });

  // A program that forgets to stop its broker still ends.
  const pipes = [child.stdin as Socket, child.stdout as Socket];
  child.unref();
  for (const pipe of pipes) pipe.unref();

  return {
    ended: ended.signal,
    async cut() {
      child.ref();
      for (const pipe of pipes) pipe.ref();
      child.stdin.end();
      await closed;
    },
  };
}
