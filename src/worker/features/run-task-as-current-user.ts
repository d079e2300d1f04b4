import { switchPart } from '../schema-part.ts';
import { feature, serving } from './feature.ts';

/**
 * `features.runTaskAsCurrentUser`. An engine whose commands run as the worker's own user has nothing to do. An
 * engine that creates a user for each task does not create one for this task. As in generic-worker, no other
 * task then runs beside it.
 */
export const runTaskAsCurrentUser = feature({
  name: 'runTaskAsCurrentUser',
  schema: { 'generic-worker': switchPart('runTaskAsCurrentUser', "Run commands as the worker's own user") },
  properties: {
    enableRunTaskAsCurrentUser: {
      type: 'boolean',
      default: true,
      description: "Allow payloads to run as the worker's own user",
      since: 'generic-worker',
    },
  },
  enabledBy: 'enableRunTaskAsCurrentUser',
  open: ({ config: { provisionerId, workerType, capacity }, engineFor }) =>
    serving<true>({
      ask: ({ switches }) => switches.has('runTaskAsCurrentUser') || undefined,
      check: (_, task) => {
        const { capabilities } = engineFor(task);
        if (capabilities.has('own-user')) return [];
        if (!capabilities.has('task-users'))
          return [`this worker's engine cannot serve feature "runTaskAsCurrentUser": it lacks own-user`];
        return capacity === 1
          ? []
          : [
              `this task is attempting to use feature "runTaskAsCurrentUser", which workers with a capacity above 1 do not support`,
            ];
      },
      scopes: () => [`generic-worker:run-task-as-current-user:${provisionerId}/${workerType}`],
      start: () => ({}),
    }),
});
