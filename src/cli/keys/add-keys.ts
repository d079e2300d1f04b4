import type { Command } from 'commander';
import { buffer } from 'node:stream/consumers';
import { examples } from '../words/examples.ts';
import { printResult } from '../output/print-result.ts';
import type { EncryptEnvOptions } from './encrypt-env.ts';

const VARIABLES = `
A variable is given in one of three ways:
  NAME                        the value is in the environment
  NAME=@file                  the value is the content of a file; @- is standard
                              input
  NAME=value                  other users of the machine can see a command line,
                              and shells keep it: not for real secrets

Prints a JSON array for the payload's encryptedEnv. Only this task can use it,
from --start to --end.
${examples('tcw encrypt-env TOKEN --public-key pool.asc --task-id <taskId>', 'tcw encrypt-env KEY=@key.pem --public-key pool.asc --task-id <taskId> --end 2d')}`;

/** Adds the commands that make keys and encrypt for them. Each loads its dependencies when it is called. */
export function addKeys(program: Command): void {
  program
    .command('new-ed25519-keypair')
    .summary('create the key that signs the chain of trust')
    .description(
      'Creates an Ed25519 key pair: writes the private key to a new file, for ed25519SigningKeyLocation, and prints ' +
        'the public key in base64.',
    )
    .requiredOption('--file <file>', 'new file for the private key')
    .addHelpText('after', examples('tcw new-ed25519-keypair --file ed25519.key > ed25519.pub'))
    .action(async ({ file }: { file: string }) => {
      const { newEd25519KeyPair } = await import('./key-pairs.ts');
      await printResult('the public key', await newEd25519KeyPair(file));
    });
  program
    .command('new-openpgp-keypair')
    .summary('create an OpenPGP key for a worker')
    .description(
      'Creates an OpenPGP key pair: writes the private key to a new file, for signingKeyLocation or ' +
        'encryptedEnvKeyLocation, and prints the public key, ASCII-armoured.',
    )
    .requiredOption('--file <file>', 'new file for the private key')
    .addHelpText('after', examples('tcw new-openpgp-keypair --file private.asc > public.asc'))
    .option('--name <name>', 'user ID of the key', 'Taskcluster worker')
    .action(async ({ file, name }: { file: string; name: string }) => {
      const { newArmouredKeyPair } = await import('./key-pairs.ts');
      await printResult('the public key', await newArmouredKeyPair(file, name));
    });
  program
    .command('encrypt-env')
    .summary('encrypt variables for a task')
    .description(
      'Encrypts environment variables for one task. Only the workers of one pool can decrypt them.',
    )
    .argument('<variable...>', 'see below')
    .requiredOption('--public-key <file>', 'public OpenPGP key of the pool, ASCII-armoured')
    .requiredOption('--task-id <id>', 'the task that gets the variables')
    .option('--start <time>', 'when the task may get them first (default: now)')
    .option('--end <time>', 'when it may get them last: a time, or a duration from now', '5d')
    .addHelpText('after', VARIABLES)
    .action(async (variables: string[], options: EncryptEnvOptions) => {
      const { encryptEnv } = await import('./encrypt-env.ts');
      const { env: environment, stdin } = process;
      await printResult(
        'the encrypted variables',
        await encryptEnv(variables, options, { environment, stdin: () => buffer(stdin) }),
      );
    });
}
