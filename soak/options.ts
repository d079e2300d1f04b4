import { parseArgs } from 'node:util';
import { FAULTS } from './faults.ts';
import type { SoakOptions } from './setting.ts';

const NAMES = FAULTS.map(({ name }) => name);

export const HELP = `npm run soak -- [options]

  --tasks N        how many tasks, 1000 by default
  --seed S         which tasks and faults, by a number; told at the end, and chosen at random by default
  --faults A,B     some of: ${NAMES.join(', ').replaceAll(/(.{60,80}), /g, '$1,\n                   ')}
  --workers A,B    the capacity of each worker, 1,2,4,8 by default
  --claim-secs N   how long a claim lasts, 15 by default
`;

/** An unusable option on the command line. */
export class BadOption extends Error {
  override readonly name = 'BadOption';
}

/**
 * Reads the command line.
 *
 * @returns undefined when help is requested
 * @throws BadOption whose message describes the problem in one line
 */
export function soakOptions(words: readonly string[]): SoakOptions | undefined {
  const values = parsed(words);
  if (values.help) return undefined;
  const faults = listed(values.faults);
  const unknown = faults.find(name => !NAMES.includes(name));
  if (unknown !== undefined)
    throw new BadOption(`--faults ${unknown}: it must be some of ${NAMES.join(', ')}`);
  return {
    tasks: number('--tasks', values.tasks, 1, 1_000_000),
    seed: number('--seed', values.seed ?? String(Math.floor(Math.random() * 1e6)), 0, 2 ** 31),
    faults,
    workers: listed(values.workers).map(text => number('--workers', text, 1, 100)),
    claimMs: number('--claim-secs', values['claim-secs'], 5, 1_200) * 1_000,
  };
}

function parsed(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        tasks: { type: 'string', default: '1000' },
        seed: { type: 'string' },
        faults: { type: 'string', default: NAMES.join(',') },
        workers: { type: 'string', default: '1,2,4,8' },
        'claim-secs': { type: 'string', default: '15' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new BadOption((error as Error).message.split(/\. |\n/)[0] ?? '');
  }
}

function listed(text: string): string[] {
  return text.split(',').filter(word => word !== '');
}

function number(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new BadOption(`${name} ${text}: it must be a whole number from ${least} to ${most}`);
}
