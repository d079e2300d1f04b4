import { Secret, SHELL_ARTIFACT } from '../../../base/index.ts';
import type { Sandbox } from '../../engines/engine.ts';
import type { Exposed, Exposure, Handler } from '../../exposure/index.ts';
import { switchPart } from '../../schema-part.ts';
import { feature, serving, type RunHandle } from '../feature.ts';

const PART = switchPart('interactive', 'An interactive shell beside the commands');
/** The artifact expires this long after the task's maximum run time, in ms. generic-worker does the same. */
const AFTER_TASK_MS = 900_000;

const served = feature({
  name: 'interactive',
  schema: { 'generic-worker': PART, 'docker-worker': PART },
  open: ({ config, exposure, queue }) =>
    serving<true>({
      ask: ({ switches }) => switches.has('interactive') || undefined,
      needs: ['terminals'],
      start: (_, run) => {
        run.artifacts.reserve(SHELL_ARTIFACT, 'interactive');
        const serving = new AsyncDisposableStack();
        const over = new AbortController();
        let offering: Promise<void> | undefined;
        return {
          started: (sandbox, env) => {
            const offered = {
              rootUrl: config.rootURL,
              exposure: exposure(),
              now: () => queue.now(),
              over: over.signal,
            };
            // The commands do not wait for this.
            offering = offer(run, { sandbox, env }, offered, serving).catch((error: unknown) => {
              if (!run.signal.aborted) run.log.warn(`cannot offer a shell: ${(error as Error).message}`);
            });
          },
          [Symbol.asyncDispose]: async () => {
            over.abort(new Error('the task has ended before there was one'));
            await offering;
            await serving.disposeAsync();
          },
        };
      },
    }),
});

/**
 * `features.interactive`: a shell in the task's environment, for everyone who may read the artifact that leads to it.
 * The shell ends with the task. If no shell can be offered, the task's log says so, and the task runs without it.
 *
 * The property that disables it is a general property.
 */
export const interactive = { ...served, enabledBy: 'enableInteractive' };

interface Place {
  readonly sandbox: Sandbox;
  readonly env: Readonly<Record<string, string>>;
}

interface Offered {
  readonly rootUrl: string;
  readonly exposure: Exposure;
  /** The queue's clock, in ms since the epoch. */
  readonly now: () => number;
  /** Ends the wait for the endpoint of this worker, which may take long to open. */
  readonly over: AbortSignal;
}

/** Exposes a run's shells and creates the artifact that leads to them. */
async function offer(
  run: RunHandle,
  { sandbox, env }: Place,
  { rootUrl, exposure, now, over }: Offered,
  stack: AsyncDisposableStack,
): Promise<void> {
  const { claim, task, artifacts, signal } = run;
  // Loaded for the first task that needs it, not with the configuration.
  const { Shells } = await import('./shells.ts');
  const shells = stack.use(new Shells(sandbox, env));
  const { url } = stack.use(await openUnless(over, exposure, shells));
  run.hide(new Secret(url.slice(url.lastIndexOf('/') + 1)));
  const taskExpires = Date.parse(claim.task.expires ?? claim.task.deadline);
  const expires = Math.min(now() + task.maxRunTimeSecs * 1_000 + AFTER_TASK_MS, taskExpires);
  const words = new URLSearchParams({
    v: '2',
    socketUrl: url.replace(/^http/, 'ws'),
    taskId: claim.taskId,
    runId: String(claim.runId),
  });
  await artifacts.reference(SHELL_ARTIFACT, {
    url: `${new URL(rootUrl).origin}/shell/?${words.toString()}`,
    contentType: 'text/html; charset=utf-8',
    expires: new Date(expires).toISOString(),
    signal,
  });
}

/** Exposes the shells. @throws the signal's reason if the signal comes first */
async function openUnless(over: AbortSignal, exposure: Exposure, shells: Handler): Promise<Exposed> {
  const opening = exposure.open('shell', shells);
  const { promise: isOver, reject } = Promise.withResolvers<never>();
  const stop = () => {
    reject(over.reason as Error);
    void opening.then(exposed => exposed[Symbol.asyncDispose]()).catch(() => undefined);
  };
  over.addEventListener('abort', stop, { once: true });
  if (over.aborted) stop();
  try {
    return await Promise.race([opening, isOver]);
  } finally {
    over.removeEventListener('abort', stop);
  }
}
