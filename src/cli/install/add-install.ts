import { Option, type Command } from 'commander';
import { examples } from '../words/examples.ts';
import { printable } from '../output/printable.ts';
import { printResult } from '../output/print-result.ts';
import type { InstallOptions } from './install-service.ts';

const ENGINES = ['native', 'user', 'docker', 'script', 'native,docker', 'user,docker'] as const;

/** Adds the command that installs tcw as a service of the machine. */
export function addInstall(program: Command): void {
  const install = program.command('install').summary('install tcw run as a service');
  install.description('Installs a service that starts the worker with its machine.').helpCommand(false);
  install
    .command('service')
    .summary('install tcw run as a service')
    .description(
      'Installs a service that runs the worker: a systemd unit, a launch daemon of macOS, or commands for Windows. Writes the ' +
        'file and prints the next steps.',
    )
    .addOption(
      new Option('--for <manager>', 'which service manager (default: that of this machine)').choices([
        'systemd',
        'launchd',
        'windows',
      ]),
    )
    .option('--print', 'print the file or the commands, and change nothing')
    .option('--force', 'replace an existing file that differs')
    .option('--name <name>', 'name of the service', 'tcw')
    .option('-c, --config <file>', "the worker's configuration file, JSON or YAML")
    .option('--user <user>', 'user that the worker runs as (default: root, or tcw with the engine native)')
    .option('--directory <folder>', 'folder that relative paths, such as tasksDir, start from')
    .option('--program <file>', 'the tcw to start (default: this one)')
    .addOption(
      new Option('--engine <engine>', 'where tasks run (default: as in the configuration)').choices(ENGINES),
    )
    .option('--grace <seconds>', 'how long the worker may take to stop (default: shutdownGraceSecs)')
    .addHelpText(
      'after',
      examples(
        'tcw install service --config /etc/tcw/worker.yml --print',
        'tcw install service --config /etc/tcw/worker.yml --engine user',
      ),
    )
    .action(async (options: InstallOptions) => {
      const { installService } = await import('./install-service.ts');
      const printMessage = (line: string) => void process.stderr.write(`tcw: ${printable(line)}\n`);
      const { argv, platform, execPath: node } = process;
      const machine = { program: argv[1] ?? '', node, platform, root: '/', printMessage };
      await printResult('what comes next', await installService(options, machine));
    });
}
