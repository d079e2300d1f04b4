import { Argument, type Command } from 'commander';
import { printResult } from '../output/print-result.ts';

const EPILOGUE = `
To have it in each new shell:
  bash  echo 'source <(tcw completion bash)' >> ~/.bashrc
  zsh   tcw completion zsh > ~/.zfunc/_tcw     (a folder of your fpath)
  fish  tcw completion fish > ~/.config/fish/completions/tcw.fish`;

/** Adds the command that prints the completion script of a shell. */
export function addCompletion(program: Command): void {
  program
    .command('completion')
    .summary('print the completion script of a shell')
    .description('Prints a script with which a shell completes the commands and options of tcw.')
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']))
    .addHelpText('after', EPILOGUE)
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { completionScript } = await import('./completion-script.ts');
      await printResult('the script', completionScript(shell, program));
    });
}
