import type { ContainerPart } from '../engines/container.ts';
import type { CommandResult, Sandbox } from '../engines/engine.ts';
import type { ActiveFeature, Ending, RunHandle, SummaryLine } from '../features/index.ts';
import { isLogged, outcomeOf, type Outcome } from '../outcome.ts';
import type { TaskLog } from '../task-log/task-log.ts';
import type { FeatureRequest } from './feature-requests.ts';

interface Active {
  readonly name: string;
  readonly feature: ActiveFeature;
  readonly isAlways: boolean;
}

/**
 * The features that serve one run. They start in the order of the list, and finish and are disposed of in
 * reverse order.
 */
export class ActiveFeatures {
  readonly #active: Active[] = [];

  /**
   * Starts features in order, until one fails or the run is stopped. Features with `always` start even after a
   * stop.
   */
  async start(requests: readonly FeatureRequest[], run: RunHandle): Promise<void> {
    for (const { name, feature, ask } of requests) {
      const isAlways = feature.always === true;
      if (!isAlways) run.signal.throwIfAborted();
      this.#active.push({ name, isAlways, feature: await feature.start(ask, run) });
    }
  }

  get env(): Record<string, string> {
    return Object.assign({}, ...this.#active.map(({ feature }) => feature.env)) as Record<string, string>;
  }

  /** The contributions of the features to a container. */
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

  /** Returns the lines that features add to the log's summary of a command. */
  async commandEnded(index: number, result: CommandResult): Promise<SummaryLine[]> {
    const lines: SummaryLine[] = [];
    for (const { feature } of this.#active)
      lines.push(...((await feature.commandEnded?.(index, result)) ?? []));
    return lines;
  }

  /**
   * Lets all features finish, even if one of them fails. The first error wins: an error of a feature hides
   * neither the result of the commands nor an earlier feature's error. It is written to the log instead.
   *
   * @param log the task's log
   * @param endingOf returns the ending, given the outcome so far
   */
  async finish(
    outcome: Outcome,
    endingOf: (outcome: Outcome) => Ending,
    log: Pick<TaskLog, 'error'>,
  ): Promise<Outcome> {
    return this.#finish(outcome, endingOf, this.#active, log);
  }

  /** Lets features upload the most important content, because there may be no time for the rest. */
  async finishEarly(ending: Ending): Promise<void> {
    await Promise.allSettled(this.#active.map(async ({ feature }) => feature.finishEarly?.(ending)));
  }

  /** Uploads the log again after another line was added to it. */
  async finishAlways(outcome: Outcome, endingOf: (outcome: Outcome) => Ending): Promise<Outcome> {
    return this.#finish(
      outcome,
      endingOf,
      this.#active.filter(({ isAlways }) => isAlways),
    );
  }

  /**
   * Disposes of all features.
   *
   * @returns the problems, with the names of the features
   */
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
        // Features with `always` are the log itself, which has ended. After a stop, unfinished work always
        // fails.
        else if (!isAlways && !ending.stopped && !ending.signal.aborted && !isLogged(error))
          log?.error('message' in worse ? worse.message : '');
      }
    }
    return result;
  }
}
