import { firstValueFrom, lastValueFrom, ReplaySubject, tap } from 'rxjs';
import type { Pulse } from '../../pulse/index.ts';
import { ServiceError, queueCalls, type Credentials } from '../../taskcluster/index.ts';
import { EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import type { Ending } from '../task-files/endings.ts';
import type { NewTask } from '../task-files/read-tasks.ts';
import { follow } from './follow.ts';

interface CreateOptions {
  readonly rootUrl: string;
  readonly user: Credentials;
  readonly pulse: Pulse;
  /** Called after each ending with all endings so far. */
  readonly onEndings: (endings: ReadonlyMap<string, Ending>) => void;
}

/**
 * Creates tasks in the given order, and waits until all are resolved.
 *
 * @throws Failure 64 with the queue's reason if the queue rejects a task
 */
export async function createAndFollow(
  tasks: readonly NewTask[],
  { rootUrl, user, pulse, onEndings }: CreateOptions,
): Promise<ReadonlyMap<string, Ending>> {
  if (tasks.length === 0) return new Map();
  const call = queueCalls({ rootUrl });
  const ask = async (taskId: string) => (await call(user, 'status', taskId)).status;
  const listening$ = new ReplaySubject<void>(1);
  const endings = lastValueFrom(
    follow(pulse, tasks, ask, () => {
      listening$.next();
    }).pipe(tap(onEndings)),
    { defaultValue: new Map<string, Ending>() },
  );
  // From here on, tasks are being followed, or following has failed.
  await Promise.race([firstValueFrom(listening$), endings]);
  for (const { file, taskId, definition } of tasks) {
    try {
      await call(user, 'createTask', taskId, definition);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      const name = JSON.stringify(definition.metadata.name);
      throw new Failure(
        EXIT_CODES.cannotLoadConfig.code,
        `${file}: the queue does not accept task ${name}: ${inOneLine(error.message)}`,
      );
    }
  }
  return endings;
}

/**
 * Shortens a message of the queue to one line. Schema violations are listed in lines that begin with an asterisk; other
 * messages are sentences.
 */
function inOneLine(message: string): string {
  const problems = [...message.matchAll(/^ *\* (.+)$/gm)].map(([, problem]) => problem);
  return problems.length > 0 ? problems.join('; ') : message.replaceAll(/\s*\n\s*/g, ' ');
}
