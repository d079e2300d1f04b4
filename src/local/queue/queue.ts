import { createArtifactTable, type ArtifactTable } from './tasks/artifact-table.ts';
import type { SignedUrls } from '../storage/signed-urls.ts';
import {
  issue,
  type Grant,
  type LocalClient,
  type TemporaryCredentials,
} from '../auth/temporary-credentials.ts';
import type { Clock } from '../clock.ts';
import type { Publish } from '../message.ts';
import { createWaitingCalls, type WaitingCalls } from './operations/waiting-calls.ts';
import { createPublisher, type Publisher } from '../publisher.ts';
import { createClaimResolver, type ClaimResolver } from './resolvers/claim-resolver.ts';
import { createDeadlineResolver, type DeadlineResolver } from './resolvers/deadline-resolver.ts';
import { createDependencyResolver, type DependencyResolver } from './resolvers/dependency-resolver.ts';
import { createDependencies, type Dependencies } from './tasks/dependencies.ts';
import type { ObjectTable } from '../object/object-table.ts';
import { createWorkerTable, type WorkerTable } from './workers/worker-table.ts';
import { createStore, type Store } from './tasks/store.ts';

/** The parts of a queue, on which its operations work. */
export interface Queue {
  readonly clock: Clock;
  readonly claimTimeoutMs: number;
  readonly longPollMs: number;
  readonly store: Store;
  readonly dependencies: Dependencies;
  readonly artifacts: ArtifactTable;
  /** The objects of the object service, which stores some artifacts. */
  readonly objects: ObjectTable;
  readonly workers: WorkerTable;
  readonly urls: SignedUrls;
  readonly publisher: Publisher;
  readonly waitingCalls: WaitingCalls;
  readonly deadlineResolver: DeadlineResolver;
  readonly claimResolver: ClaimResolver;
  readonly dependencyResolver: DependencyResolver;
  /** Issues credentials on behalf of the queue. */
  issue(grant: Grant): TemporaryCredentials;
  /** Answers open calls with nothing, and stops all timers. */
  close(): void;
}

/** All times are in milliseconds. */
export interface QueueSettings {
  readonly clock: Clock;
  readonly publish: Publish;
  readonly claimTimeoutMs: number;
  readonly longPollMs: number;
  readonly checkIntervalMs: number;
  readonly deadlineDelayMs: number;
  readonly claimDelayMs: number;
  readonly dependencyDelayMs: number;
  readonly onError: (error: unknown) => void;
  readonly objects: ObjectTable;
  readonly urls: SignedUrls;
  /** The client with which the queue issues credentials. */
  readonly ownClient: LocalClient;
}

/** Creates an empty queue. */
export function createQueue(settings: QueueSettings): Queue {
  const { clock, claimTimeoutMs, longPollMs, checkIntervalMs, onError } = settings;
  const store = createStore();
  const dependencies = createDependencies();
  const publisher = createPublisher(settings.publish, clock, onError);
  const waitingCalls = createWaitingCalls(store.pending, clock, checkIntervalMs);
  const shared = { store, publisher, clock, onError };
  const dependencyResolver = createDependencyResolver({
    ...shared,
    dependencies,
    delayMs: settings.dependencyDelayMs,
  });
  const ending = { ...shared, dependencyResolver };
  const deadlineResolver = createDeadlineResolver({ ...ending, delayMs: settings.deadlineDelayMs });
  const claimResolver = createClaimResolver({ ...ending, delayMs: settings.claimDelayMs });
  return {
    clock,
    claimTimeoutMs,
    longPollMs,
    store,
    dependencies,
    artifacts: createArtifactTable(),
    objects: settings.objects,
    urls: settings.urls,
    workers: createWorkerTable(),
    publisher,
    waitingCalls,
    deadlineResolver,
    claimResolver,
    dependencyResolver,
    issue: grant => issue(settings.ownClient, grant),
    close() {
      for (const part of [waitingCalls, deadlineResolver, claimResolver, dependencyResolver, publisher])
        part.close();
    },
  };
}
