import { InvalidArgumentError, type Command } from 'commander';
import { TASK_EXIT_CODES } from '../words/exit-codes.ts';
import { exitCodeLines } from '../words/help.ts';
import type { ArtifactsOptions } from './artifacts.ts';
import type { LogOptions } from './log.ts';
import type { CancelOptions, RerunOptions } from './change.ts';
import type { StatusOptions } from './status.ts';
import type { SubmitOptions } from './submit.ts';

const EPILOGUE = `
Environment:
  TASKCLUSTER_ROOT_URL        the deployment
  TASKCLUSTER_CLIENT_ID, TASKCLUSTER_ACCESS_TOKEN
                              who calls; reading public artifacts needs neither
  TASKCLUSTER_CERTIFICATE     for temporary credentials
  TASKCLUSTER_TASK_QUEUE_ID   the task queue of tasks that name none
tcw dev prints these for its own deployment.

Exit codes:
${exitCodeLines(TASK_EXIT_CODES)}`;

const SUBMIT_EXAMPLES = `
Examples:
  tcw task submit hello.json                    prints the task id
  tcw task submit --follow build.yml            shows the log, exits with its result
  taskId=$(tcw task submit --wait hello.json)   waits for the result
`;

const ARTIFACTS_EXAMPLES = `
Examples:
  tcw task artifacts <taskId>                   lists the names
  tcw task artifacts <taskId> --download out    all of them, into the folder out
  tcw task artifacts <taskId> public/app.zip --download out
`;

/** Adds `tcw task` and its commands. Each loads its dependencies when it is called. */
export function addTask(program: Command, done: (exitCode: number) => void): void {
  const { stdout, stderr, env } = process;
  const streams = { stdout, stderr };
  const task = program
    .command('task')
    .summary('create tasks, read their logs, get their artifacts')
    .description('Creates tasks in a Taskcluster deployment, reads their logs and gets their artifacts.')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', EPILOGUE);
  const command = (options: string, summary: string) =>
    task
      .command(options)
      .summary(summary)
      .description(`${summary[0]?.toUpperCase() ?? ''}${summary.slice(1)}.`)
      .option('--root-url <url>', 'root URL of the deployment (default: TASKCLUSTER_ROOT_URL)');

  command('submit', 'create the tasks of files')
    .argument('<file...>', 'files with a task definition or a bare payload, as for tcw dev')
    .option('--task-queue <id>', '<provisionerId>/<workerType>, whatever the files say')
    .option('--wait', 'wait until the tasks are resolved: 0 if all completed, else 1')
    .option('--follow', 'the same, and print their logs')
    .option('--json', 'print JSON instead of task ids')
    .addHelpText('after', SUBMIT_EXAMPLES)
    .addHelpText('after', EPILOGUE)
    .action(async (files: string[], options: SubmitOptions) => {
      const { submit } = await import('./submit.ts');
      done(await submit(files, options, env, streams));
    });
  command('log', 'print the log of a task, while it runs, to its end')
    .argument('<taskId>', 'the task')
    .option('-r, --run <number>', 'of this run (default: the latest, and those after it)', wholeNumber)
    .addHelpText('after', EPILOGUE)
    .action(async (taskId: string, options: LogOptions) => {
      const { log } = await import('./log.ts');
      done(await log(taskId, options, env, streams));
    });
  command('status', 'print the state of a task')
    .argument('<taskId>', 'the task')
    .option('-a, --all-runs', 'of every run')
    .option('-r, --run <number>', 'of this run (default: the latest)', wholeNumber)
    .option('--json', 'print the status that the queue has, as JSON')
    .addHelpText('after', EPILOGUE)
    .action(async (taskId: string, options: StatusOptions) => {
      const { status } = await import('./status.ts');
      done(await status(taskId, options, env, streams));
    });
  command('artifacts', 'list or download the artifacts of a task')
    .argument('<taskId>', 'the task')
    .argument('[name...]', 'only these')
    .option('-r, --run <number>', 'of this run (default: the latest)', wholeNumber)
    .option('-d, --download <folder>', 'download them into this folder, and print their files')
    .option('--json', 'print JSON')
    .addHelpText('after', ARTIFACTS_EXAMPLES)
    .addHelpText('after', EPILOGUE)
    .action(async (taskId: string, names: string[], options: ArtifactsOptions) => {
      const { artifacts } = await import('./artifacts.ts');
      done(await artifacts(taskId, names, options, env, streams));
    });
  command('cancel', 'cancel a task')
    .argument('<taskId>', 'the task')
    .option('--json', 'print the status that the queue has, as JSON')
    .addHelpText('after', EPILOGUE)
    .action(async (taskId: string, options: CancelOptions) => {
      const { cancel } = await import('./change.ts');
      done(await cancel(taskId, options, env, streams));
    });
  command('rerun', 'run a task once more')
    .argument('<taskId>', 'the task')
    .option('-f, --force', 'even if it completed')
    .option('--json', 'print the status that the queue has, as JSON')
    .addHelpText('after', EPILOGUE)
    .action(async (taskId: string, options: RerunOptions) => {
      const { rerun } = await import('./change.ts');
      done(await rerun(taskId, options, env, streams));
    });
}

function wholeNumber(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number from 0');
}
