import type { QueueApi } from '../../taskcluster/index.ts';
import { saveArtifacts } from '../artifacts/save-all.ts';
import { artifactFolder } from '../artifacts/save-artifact.ts';
import { deploymentOf, type Environment } from '../deployment/deployment.ts';
import { assertTaskId } from '../deployment/task-id.ts';
import { printable } from '../output/printable.ts';
import { TASK_EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import { suggestion } from '../../base/index.ts';
import { taskClient, type TaskClient } from './client.ts';
import { assertRun } from './task-status.ts';
import { asJson, messagePrinter, writeData, type Streams } from './streams.ts';

export interface ArtifactsOptions {
  readonly rootUrl?: string;
  readonly run?: number;
  readonly download?: string;
  readonly json?: true;
}

type Artifact = QueueApi['listArtifacts']['output']['artifacts'][number];

/** `tcw task artifacts`: lists the artifacts of a run, or downloads them. @throws Failure */
export async function artifacts(
  taskId: string,
  names: readonly string[],
  { rootUrl, run, download, json }: ArtifactsOptions,
  environment: Environment,
  { stdout, stderr }: Streams,
): Promise<number> {
  const { done, notFound, unavailable, usage } = TASK_EXIT_CODES;
  assertTaskId(taskId, usage.code);
  const printMessage = messagePrinter(stderr);
  const client = taskClient(deploymentOf(rootUrl, environment), printMessage);
  const runId = await runOf(client, taskId, run);
  const all = await listOf(client, taskId, runId);
  const wanted =
    names.length === 0 ? all : [...new Set(names)].map(name => namedOf(name, all, taskId, runId));
  if (download === undefined) {
    const lines = () => wanted.map(({ name }) => `${printable(name)}\n`).join('');
    await writeData(stdout, json ? asJson(wanted) : lines());
    return done.code;
  }
  const saved: { name: string; file: string }[] = [];
  const notSaved = await saveArtifacts(
    wanted.map(({ name }) => name),
    all.map(({ name }) => name),
    {
      rootUrl: client.deployment.rootUrl,
      folder: await artifactFolder(download),
      locate: name => client.ask(aboutArtifact(taskId, name), 'artifact', taskId, runId, name),
      onSaved: (name, file) => {
        saved.push({ name, file });
        if (!json) stdout.write(`${printable(file)}\n`);
      },
    },
  );
  if (json) await writeData(stdout, asJson(saved));
  for (const { name, reason } of notSaved) printMessage(`${name} cannot be downloaded: ${reason}`);
  if (notSaved.length === 0) return done.code;
  return notSaved.every(({ hasNone }) => hasNone) ? notFound.code : unavailable.code;
}

function aboutArtifact(taskId: string, name: string) {
  return {
    taskId,
    missing: `the artifact ${JSON.stringify(name)} is gone: it has expired`,
    scope: `queue:get-artifact:${name}`,
  };
}

/** Returns the requested run, or the latest one. @throws Failure if there is none */
async function runOf(client: TaskClient, taskId: string, run: number | undefined): Promise<number> {
  const { status } = await client.ask({ taskId }, 'status', taskId);
  if (run !== undefined) assertRun(status, run);
  if (status.runs.length > 0) return run ?? status.runs.length - 1;
  const why = `it is ${status.state}, and never ran`;
  throw new Failure(TASK_EXIT_CODES.notFound.code, `task ${taskId} has no artifacts: ${why}`);
}

async function listOf(client: TaskClient, taskId: string, runId: number): Promise<Artifact[]> {
  const all: Artifact[] = [];
  for (let continuationToken: string | undefined; ;) {
    const query = continuationToken === undefined ? {} : { continuationToken };
    const page = await client.ask({ taskId }, 'listArtifacts', taskId, runId, query);
    all.push(...page.artifacts);
    ({ continuationToken } = page);
    if (continuationToken === undefined) return all;
  }
}

function namedOf(name: string, all: readonly Artifact[], taskId: string, runId: number): Artifact {
  const found = all.find(artifact => artifact.name === name);
  if (found) return found;
  const hint = suggestion(
    name,
    all.map(artifact => artifact.name),
  );
  const { notFound } = TASK_EXIT_CODES;
  throw new Failure(
    notFound.code,
    `run ${runId} of task ${taskId} has no artifact ${JSON.stringify(name)}${hint}`,
  );
}
