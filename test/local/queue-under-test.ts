import { randomUUID } from 'node:crypto';

import taskcluster from 'taskcluster-client';

import { exchanges } from '../../src/exchanges/index.ts';
import {
  startLocalQueue,
  type LocalQueue,
  type LocalQueueOptions,
  type Message,
} from '../../src/local/index.ts';
import { Secret } from '../../src/pulse/index.ts';
import type { CreateTaskRequest, QueueApi } from '../../src/taskcluster/index.ts';
import {
  checkedClient,
  type Apis,
  type ClientOf,
  type Credentials,
  type TestClient,
} from './checked-client.ts';

export type { Credentials, TestClient };

export const TASK_QUEUE_ID = 'proj-test/pool';
export const WORKER = { workerGroup: 'group', workerId: 'worker-1' };

export interface QueueUnderTest extends LocalQueue, AsyncDisposable {
  /** Everything that was published, each message valid by the schema of its exchange. */
  readonly messages: Message[];
  /** May do everything. */
  readonly root: TestClient;
  /** May claim work, and nothing more. */
  readonly worker: TestClient;
  /** Has no scopes. */
  readonly nobody: TestClient;
  readonly anonymous: TestClient;
  readonly credentials: Readonly<Record<'root' | 'worker' | 'nobody', Credentials>>;
  connect(credentials: Partial<Credentials>, options?: object): TestClient;
  /** A client of any service; root's by default. */
  connectTo<S extends keyof Apis>(service: S, credentials?: Partial<Credentials>): ClientOf<S>;
  /** The calls that were answered: `queue.createTask`. */
  readonly answered: Set<string>;
  /** The URL of a GET call, signed so that it can be given away. */
  signedUrl(credentials: Credentials, call: keyof QueueApi, ...args: unknown[]): string;
  /** Creates a task and returns its id. */
  create(definition?: Partial<CreateTaskRequest>): Promise<string>;
  /** A valid task, as of the queue's clock. */
  define(definition?: Partial<CreateTaskRequest>): CreateTaskRequest;
  /** Claims the next run, and connects with its credentials. */
  claim(): Promise<{ claim: QueueApi['claimWork']['output']['tasks'][number]; run: TestClient }>;
  /** The last words of the exchanges of the messages so far: `task-defined`. */
  published(): string[];
}

/** Starts a queue on a free port, with a function in the place of a broker. */
export async function startQueue(options: Partial<LocalQueueOptions> = {}): Promise<QueueUnderTest> {
  const messages: Message[] = [];
  const answered = new Set<string>();
  const scopesOf = {
    root: ['*'],
    worker: [`queue:claim-work:${TASK_QUEUE_ID}`, `queue:worker-id:${WORKER.workerGroup}/*`],
    nobody: [],
  };
  const credentialsOf = (name: string): Credentials => ({
    clientId: `test/${name}`,
    accessToken: randomUUID(),
  });
  const credentials = {
    root: credentialsOf('root'),
    worker: credentialsOf('worker'),
    nobody: credentialsOf('nobody'),
  };
  const queue = await startLocalQueue({
    publish: async message => {
      const problems = exchanges
        .find(({ exchange }) => exchange === message.exchange)
        ?.validate(message.body);
      if (problems?.length !== 0)
        throw new Error(`${message.exchange}: ${problems?.join(', ') ?? 'unknown'}`);
      messages.push(message);
    },
    ...options,
    clients: (['root', 'worker', 'nobody'] as const).map(name => ({
      clientId: credentials[name].clientId,
      accessToken: new Secret(credentials[name].accessToken),
      scopes: scopesOf[name],
    })),
  });

  function connect(given: Partial<Credentials>, clientOptions: object = {}): TestClient {
    return clientOf('queue', given, clientOptions);
  }

  function clientOf<S extends keyof Apis>(service: S, given: Partial<Credentials>, clientOptions?: object) {
    return checkedClient(service, queue.rootUrl, given, answered, clientOptions);
  }

  function signedUrl(given: Credentials, call: keyof QueueApi, ...args: unknown[]): string {
    const client = new taskcluster.Queue({ rootUrl: queue.rootUrl, credentials: given });
    return client.buildSignedUrl?.(client[call], ...args) as unknown as string;
  }

  const now = (): number => options.clock?.now() ?? Date.now();
  const define: QueueUnderTest['define'] = definition => ({
    taskQueueId: TASK_QUEUE_ID,
    created: new Date(now()).toISOString(),
    deadline: new Date(now() + 3_600_000).toISOString(),
    expires: new Date(now() + 86_400_000).toISOString(),
    payload: { command: ['true'] },
    metadata: {
      name: 'test',
      description: 'a test',
      owner: 'nobody@example.com',
      source: 'https://example.com/',
    },
    ...definition,
  });
  const root = connect(credentials.root);
  const worker = connect(credentials.worker);
  return {
    ...queue,
    messages,
    credentials,
    connect,
    connectTo: (service, given = credentials.root) => clientOf(service, given),
    answered,
    signedUrl,
    root,
    worker,
    nobody: connect(credentials.nobody),
    anonymous: connect({}),
    define,
    async create(definition) {
      const taskId = taskcluster.slugid();
      await root.createTask(taskId, define(definition));
      return taskId;
    },
    async claim() {
      const { tasks } = await worker.claimWork(TASK_QUEUE_ID, { ...WORKER, tasks: 1 });
      const [claim] = tasks;
      if (!claim) throw new Error('there was nothing to claim');
      return { claim, run: connect(claim.credentials) };
    },
    published: () => messages.map(({ exchange }) => exchange.split('/').at(-1) ?? ''),
    [Symbol.asyncDispose]: () => queue.close(),
  };
}

/** An error as taskcluster-client throws it, without what differs from call to call. */
export async function refusalOf(
  call: Promise<unknown>,
): Promise<{ status: number; code: string; text: string }> {
  const error = await call.then(
    answer => {
      throw new Error(`nothing was refused: ${JSON.stringify(answer)}`);
    },
    (refusal: Error & { statusCode?: number; code?: string }) => refusal,
  );
  if (error.statusCode === undefined) throw error;
  return {
    status: error.statusCode,
    code: error.code ?? '',
    text: error.message.split('\n\n---\n')[0] ?? '',
  };
}
