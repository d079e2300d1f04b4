import type { Command } from 'commander';
import type { ShellOptions } from './shell.ts';

const EPILOGUE = `
The task must be running with "features": {"interactive": true}. Without a
command, the shell is interactive, and ends with exit or Ctrl-D. A command line
runs in a shell beside the task, and tcw exits with its exit code.

Examples:
  tcw shell <taskId>
  tcw shell <taskId> -- 'ps aux | head'

Environment:
  TASKCLUSTER_ROOT_URL        the deployment
  TASKCLUSTER_CLIENT_ID, TASKCLUSTER_ACCESS_TOKEN, TASKCLUSTER_CERTIFICATE
                              a client with the scope
                              queue:get-artifact:private/generic-worker/shell.html
tcw dev prints these for its own deployment.`;

/** Adds the command that connects a terminal to a task. It loads its dependencies when it is called. */
export function addShell(program: Command, done: (exitCode: number) => void): void {
  program
    .command('shell')
    .summary('a shell in a running task')
    .description('Connects this terminal to a shell next to the commands of a running task.')
    .argument('<taskId>', 'the task')
    .argument('[command...]', 'after --: a command line to run in place of an interactive shell')
    .option('--root-url <url>', 'root URL of the deployment (default: TASKCLUSTER_ROOT_URL)')
    .option('--wait <seconds>', 'how long to wait for the task to start and offer its shell', '30')
    .addHelpText('after', EPILOGUE)
    .action(async (taskId: string, command: string[], options: ShellOptions) => {
      const { shell } = await import('./shell.ts');
      done(await shell(taskId, command, options, process.env));
    });
}
