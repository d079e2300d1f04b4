import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { startTestEngine, type TestEngine } from './engine.ts';

const STOPS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const WORDS = {
  given: 'the engine of TCW_TEST_DOCKER_HOST',
  own: "this machine's engine",
  lab: 'an engine in a lab',
} as const satisfies Record<TestEngine['kind'], string>;

/**
 * Runs Node with a Docker engine. If the engine is in a lab, Node runs in the lab's network and among its processes.
 * The variable `TCW_TEST_DOCKER_HOST` names the engine there.
 *
 * @param what a description for messages, such as `tests with Docker`
 * @param words arguments for Node: a script and its arguments
 * @returns the exit code
 * @throws Error that says what to install if there is no engine
 */
export async function runWithinEngine(what: string, words: readonly string[], cwd: string): Promise<number> {
  const engine = await startTestEngine();
  const stopped = new AbortController();
  const stop = (signal: NodeJS.Signals) => {
    stopped.abort(signal);
  };
  for (const signal of STOPS) process.on(signal, stop);
  try {
    console.error(`tcw: ${what}, on ${WORDS[engine.kind]} (${engine.host})`);
    const [command = '', ...args] = [...engine.enter, process.execPath, ...words];
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, TCW_TEST_DOCKER_HOST: engine.host },
      stdio: 'inherit',
    });
    const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    const [code, signal] = await Promise.race([
      ended,
      // Everything that runs in the lab ends with the lab.
      once(stopped.signal, 'abort').then(() => [null, stopped.signal.reason as NodeJS.Signals] as const),
    ]);
    if (stopped.signal.aborted) child.kill();
    return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
  } finally {
    await engine.stop();
    for (const signal of STOPS) process.off(signal, stop);
  }
}
