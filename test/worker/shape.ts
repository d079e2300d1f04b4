import { posix } from 'node:path';

export interface Shape {
  readonly title: string;
  readonly payload: ShapePayload;
  readonly scopes: readonly string[];
}

export interface ShapePayload {
  readonly command: string[][];
  readonly maxRunTime: number;
  readonly env?: Record<string, string>;
  readonly features?: Record<string, boolean>;
  readonly mounts?: Mount[];
  readonly artifacts?: Artifact[];
  readonly onExitStatus?: { retry?: number[]; purgeCaches?: number[] };
  readonly osGroups?: string[];
  readonly supersederUrl?: string;
}

export interface Mount {
  file?: string;
  directory?: string;
  cacheName?: string;
  content?: object;
  format?: string;
}

export interface Artifact {
  type: 'file' | 'directory';
  path: string;
  name?: string;
  expires?: string;
}

/** Replaces the program that starts most commands of real tasks. It runs its last argument as a script. */
export const RUN_TASK = '#!/bin/sh\nfor last do :; done\nexec sh -ec "$last"\n';

/** A shape without its commands. `firstExit` is the exit code of its first run, if that should fail. */
export type Ask = Partial<Omit<ShapePayload, 'command'>> & { scopes?: readonly string[]; firstExit?: number };

/** Completes a task with commands that check its mounts and make its artifacts. */
export function shapeOf(title: string, { scopes = [], firstExit, ...asked }: Ask): Shape {
  const { mounts = [], artifacts = [] } = asked;
  const script = [
    ...(firstExit === undefined ? [] : [`test "$RUN_ID" -ge 1 || exit ${firstExit}`]),
    ...mounts.map(checkOf),
    ...artifacts.map(makingOf),
    ...(asked.features?.taskclusterProxy
      ? ['curl -sSf --max-time 60 -o /dev/null "$TASKCLUSTER_PROXY_URL/api/queue/v1/task/$TASK_ID"']
      : []),
    'test "$LEVEL" = 1',
  ].join('\n');
  const hasRunTask = mounts.some(mount => mount.file === './run-task');
  const command = hasRunTask
    ? [
        ['chmod', '+x', 'run-task'],
        ['./run-task', '--checkout=./checkouts', '--', script],
      ]
    : [['sh', '-ec', script]];
  const caches = mounts.some(mount => mount.cacheName !== undefined) ? ['generic-worker:cache:*'] : [];
  const calls = asked.features?.taskclusterProxy ? ['queue:get-task:*'] : [];
  return {
    title,
    payload: { maxRunTime: 3_600, env: { LEVEL: '1', PROJECT: 'shapes' }, ...asked, command },
    scopes: [...caches, ...calls, ...scopes],
  };
}

/** A command that checks a mount. */
function checkOf({ file, directory = '', cacheName, content, format }: Mount): string {
  if (cacheName !== undefined)
    return `date >> '${directory}/used'${content ? ` && ${isTree(directory)}` : ''}`;
  if (file === undefined) return isTree(directory);
  return format === undefined ? `test -s '${file}'` : `head -n 1 '${file}' | grep -q '^#!/bin/sh$'`;
}

function isTree(directory: string): string {
  return `test "$(cat '${posix.join(directory, 'sub/a.txt')}')" = hello`;
}

/** A command that makes an artifact. */
function makingOf({ type, path }: Artifact): string {
  return type === 'file'
    ? `mkdir -p '${posix.dirname(path)}' && echo made > '${path}'`
    : `mkdir -p '${path}/sub' && echo made > '${path}/sub/made.txt'`;
}
