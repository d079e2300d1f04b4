import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

/** Processes and files that live exactly as long as this process, however it ends. */
export interface LifelinePlan {
  /** Started in this order and killed in reverse order. When one ends by itself, all are ended. */
  readonly processes: readonly {
    readonly command: string;
    readonly args: readonly string[];
    readonly env: Readonly<Record<string, string>>;
  }[];
  /** Commands to run after the processes have ended. */
  readonly farewell: readonly { readonly command: string; readonly args: readonly string[] }[];
  /** The file that receives the output of the processes. */
  readonly log: string;
  /** Removed last, with its content. */
  readonly folder: string;
}

export interface Lifeline {
  /** Aborted when everything has ended. The reason is an error with the cause and the last lines of the log. */
  readonly ended: AbortSignal;
  /** Ends everything. Settles when it has ended. May be called repeatedly. */
  cut(): Promise<void>;
}

/**
 * Starts the processes of a plan under a process that holds the other end of a pipe. However this process ends
 * (including SIGKILL), the pipe closes. Then the process at the other end kills the others, runs the farewell commands
 * and removes the folder.
 */
export function startLifeline(plan: LifelinePlan): Lifeline {
  const script = fileURLToPath(new URL('lifeline-process.ts', import.meta.url));
  // In its own session, so that a Ctrl-C in the terminal reaches only this process, which decides what follows.
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

  // So that a program that forgets to stop its broker still ends.
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
