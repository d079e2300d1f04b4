import type { ContainerPart } from '../engines/container.ts';
import type { CommandResult, Sandbox } from '../engines/engine.ts';
import type { ActiveFeature, Ending, RunHandle, SummaryLine } from '../features/index.ts';
import { isLogged, outcomeOf, type Outcome } from '../outcome.ts';
import type { TaskLog } from '../task-log/task-log.ts';
import type { Wish } from './wishes.ts';

interface Active {
  readonly name: string;
  readonly feature: ActiveFeature;
  readonly isAlways: boolean;
}

/** The features that serve one run. Started in the order of the list; they finish and are disposed of in reverse. */
export class ActiveFeatures {
  readonly #active: Active[] = [];

  /** Starts features one after the other, until the first that fails or, but for those that always serve, a stop of the run. */
  async start(wishes: readonly Wish[], run: RunHandle): Promise<void> {
    for (const { name, feature, ask } of wishes) {
      const isAlways = feature.always === true;
      if (!isAlways) run.signal.throwIfAborted();
      this.#active.push({ name, isAlways, feature: await feature.start(ask, run) });
    }
  }

  get env(): Record<string, string> {
    return Object.assign({}, ...this.#active.map(({ feature }) => feature.env)) as Record<string, string>;
  }

  /** What features want a container to be made of. */
  get container(): ContainerPart {
    return this.#active.reduce<ContainerPart>(
      (all, { feature: { container = {} } }) => ({
        ...all,
        ...container,
        binds: [...(all.binds ?? []), ...(container.binds ?? [])],
        hosts: { ...all.hosts, ...container.hosts },
        kernelCapabilities: [...(all.kernelCapabilities ?? []), ...(container.kernelCapabilities ?? [])],
        devices: [...(all.devices ?? []), ...(container.devices ?? [])],
      }),
      {},
    );
  }

  started(sandbox: Sandbox, env: Readonly<Record<string, string>>): void {
    for (const { feature } of this.#active) feature.started?.(sandbox, env);
  }

  commandStarting(index: number): void {
    for (const { feature } of this.#active) feature.commandStarting?.(index);
  }

  /** What features add to what the log says of a command that ended. */
  async commandEnded(index: number, result: CommandResult): Promise<SummaryLine[]> {
    const lines: SummaryLine[] = [];
    for (const { feature } of this.#active)
      lines.push(...((await feature.commandEnded?.(index, result)) ?? []));
    return lines;
  }

  /**
   * Lets all features finish, whatever goes wrong with one of them. The first error wins: what a feature says does not hide
   * what the commands did, nor what a feature before it said, and is written into the log.
   *
   * @param log the task's
   * @param endingOf the ending, seen from a moment and an outcome
   */
  async finish(
    outcome: Outcome,
    endingOf: (outcome: Outcome) => Ending,
    log: Pick<TaskLog, 'error'>,
  ): Promise<Outcome> {
    return this.#finish(outcome, endingOf, this.#active, log);
  }

  /** Lets features upload what matters most, where there may be no time for the rest. */
  async finishEarly(ending: Ending): Promise<void> {
    await Promise.allSettled(this.#active.map(({ feature }) => feature.finishEarly?.(ending)));
  }

  /** Uploads the log once more, which has got another line. */
  async finishAlways(outcome: Outcome, endingOf: (outcome: Outcome) => Ending): Promise<Outcome> {
    return this.#finish(
      outcome,
      endingOf,
      this.#active.filter(({ isAlways }) => isAlways),
    );
  }

  /** Disposes of all features. @returns what went wrong, with the name of the feature */
  async dispose(): Promise<{ readonly name: string; readonly err: unknown }[]> {
    const problems = [];
    for (const { name, feature } of this.#active.splice(0).reverse()) {
      try {
        await feature[Symbol.asyncDispose]?.();
      } catch (err) {
        problems.push({ name, err });
      }
    }
    return problems;
  }

  async #finish(
    outcome: Outcome,
    endingOf: (outcome: Outcome) => Ending,
    active: readonly Active[],
    log?: Pick<TaskLog, 'error'>,
  ): Promise<Outcome> {
    let result = outcome;
    for (const { feature, isAlways } of active.toReversed()) {
      const ending = endingOf(result);
      try {
        await feature.finish?.(ending);
      } catch (error) {
        const worse = outcomeOf(error);
        if (result.result === 'completed') result = worse;
        // What has always served is the log itself, which has ended. A stop makes errors of all that is not finished.
        else if (!isAlways && !ending.stopped && !ending.signal.aborted && !isLogged(error))
          log?.error('message' in worse ? worse.message : '');
      }
    }
    return result;
  }
}
