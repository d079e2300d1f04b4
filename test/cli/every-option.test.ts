import type { Command, Option } from 'commander';
import { describe, expect, it } from 'vitest';
import { PropertyOption } from '../../src/cli/config/property-options.ts';
import { flagName } from '../../src/cli/config/spelling.ts';
import { runProgram, tcwProgram } from '../../src/cli/program.ts';
import { Failure } from '../../src/cli/words/failure.ts';
import { RepeatableOption } from '../../src/cli/words/option-values.ts';
import { PROPERTIES } from '../../src/worker/config/index.ts';

// The tables of the commands themselves are read here, so a new command or option is covered as soon as it exists.
const commands = allBelow(
  tcwProgram(() => undefined),
  [],
);

interface Named {
  readonly command: Command;
  /** The words that call it: `['task', 'log']`. */
  readonly words: readonly string[];
}

function allBelow(command: Command, words: readonly string[]): Named[] {
  const below = command.commands.flatMap(sub => allBelow(sub, [...words, sub.name()]));
  return [{ command, words }, ...below];
}

type Case = [name: string, words: string[], says: string];

/** A case for each option that is not hidden. */
function eachOption(make: (words: readonly string[], flag: string, option: Option) => Case[]): Case[] {
  return commands.flatMap(({ command, words }) =>
    command
      .createHelp()
      .visibleOptions(command)
      .flatMap(option => {
        const flag = option.long ?? '';
        return make(words, flag, option).map<Case>(([, ...rest]) => [[...words, flag].join(' '), ...rest]);
      }),
  );
}

/** The problems that `tcw` reports. `tcw run` and `tcw dev` list those of a configuration, each on a line. */
async function problemsOf(words: readonly string[]): Promise<string[]> {
  const failure = await runProgram(words).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Failure);
  const { exitCode, message } = failure as Failure;
  expect(exitCode).toBe(64);
  expect(message).not.toMatch(/\n {4}at |undefined|\[object/);
  const [first = '', ...lines] = message.split('\n');
  if (lines.length > 0) expect(first).toMatch(/^the configuration has /);
  return lines.length > 0 ? lines : [first];
}

async function expectOneProblem(words: readonly string[], says: string): Promise<void> {
  const problems = await problemsOf(words);
  expect(problems.filter(problem => problem.includes(says))).toHaveLength(1);
}

it('the tables match the program', () => {
  expect(commands.length).toBeGreaterThan(20);
  expect(eachOption((_, flag) => [['', [], flag]]).length).toBeGreaterThan(150);
});

describe('a misspelt command', () => {
  const cases = commands
    .filter(({ words }) => words.length > 0)
    .map<Case>(({ words }) => {
      const name = words.at(-1) ?? '';
      const typed = `${name}x`;
      return [
        words.join(' '),
        [...words.slice(0, -1), typed],
        `unknown command ${typed}; did you mean ${name}?`,
      ];
    });
  it.each(cases)('%s', (_, words, says) => expectOneProblem(words, says));
});

describe('a misspelt option', () => {
  const cases = eachOption((words, flag, option) =>
    // With a value of its own, as a user would type it.
    [
      [
        '',
        [...words, `${flag}x`, ...(option.required ? ['SECRET'] : [])],
        `unknown option ${flag}x; did you mean ${flag}?`,
      ],
    ],
  );
  it.each(cases)('%s', async (_, words, says) => {
    await expectOneProblem(words, says);
    expect((await problemsOf(words)).join()).not.toContain('SECRET');
  });
});

describe('an option without its value', () => {
  const cases = eachOption((words, flag, { required }) =>
    required ? [['', [...words, flag], 'needs a value']] : [],
  );
  it.each(cases)('%s', (_, words, says) => expectOneProblem(words, says));
});

describe('an option given twice', () => {
  const cases = eachOption((words, flag, option) => {
    if (!takesValue(option) || option instanceof RepeatableOption) return [];
    const value = option.argChoices?.[0] ?? '1';
    return [['', [...words, flag, value, `${flag}=${value}`], `${flag} is given more than once`]];
  });
  it.each(cases)('%s', (_, words, says) => expectOneProblem(words, says));

  it('is refused in its short form, too', () =>
    expectOneProblem(['run', '-c', 'a.yml', '--config', 'b.yml'], '--config is given more than once'));

  it('has both values if it may be repeated', () => {
    const repeatable = commands.flatMap(({ command, words }) =>
      command.options
        .filter(option => option instanceof RepeatableOption)
        .map(option => {
          command.parseOptions([`${option.long}=a`, `${option.long}=b`]);
          return [...words, option.long, command.getOptionValue(option.attributeName())];
        }),
    );
    expect(repeatable).toEqual([
      ['pulse', 'listen', '--bind', ['a', 'b']],
      ['pulse', 'publish', '--cc', ['a', 'b']],
      ['pulse', 'publish', '--header', ['a', 'b']],
    ]);
  });

  it('means the same as once if it takes no value', () => {
    for (const { command } of commands) {
      for (const option of command.options.filter(each => !takesValue(each))) {
        const flag = option.long ?? '';
        if (flag === '--version') continue;
        expect(() => command.parseOptions([flag, flag])).not.toThrow();
      }
    }
  });
});

describe('an option with an empty value', () => {
  const cases = eachOption((words, flag, option) => {
    // An empty property is not set, wherever it is given.
    if (!option.required || option instanceof PropertyOption) return [];
    const says = option.parseArg && !(option instanceof RepeatableOption) ? `${flag} ` : `${flag} is empty`;
    return [
      ['', [...words, flag, ''], says],
      ['', [...words, `${flag}=`], says],
    ];
  });
  it.each(cases)('%s', (_, words, says) => expectOneProblem(words, says));
});

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

describe('a command without its required argument', () => {
  const cases = commands.flatMap(({ command, words }): Case[] => {
    const [first] = command.registeredArguments;
    if (!first?.required) return [];
    const needed = command.options
      .filter(({ mandatory }) => mandatory)
      .flatMap(({ long }) => [long ?? '', 'x']);
    return [[words.join(' '), [...words, ...needed], `the argument <${first.name()}> is missing`]];
  });
  it.each(cases)('%s', (_, words, says) => expectOneProblem(words, says));
});

describe.each(['', 'wrong'])('a value that is not one of the choices: "%s"', value => {
  const cases = eachOption((words, flag, { argChoices }) =>
    argChoices
      ? [['', [...words, flag, value], `"${value}" is invalid. It must be one of ${argChoices.join(', ')}`]]
      : [],
  );
  it.each(cases)('%s', (_, words, says) => expectOneProblem(words, says));
});

describe('a value of the wrong type', () => {
  const ANY_TEXT = new Set<string | undefined>(['string', 'directory', 'file']);
  const byFlag = new Map(
    [...PROPERTIES].map(([name, { type }]) => [flagName(name), { name, type }] as const),
  );
  const cases = eachOption((words, flag, { parseArg, argChoices }) => {
    const property = ['run', 'dev'].includes(words.join(' ')) ? byFlag.get(flag) : undefined;
    if (property)
      return ANY_TEXT.has(property.type)
        ? []
        : [['', [...words, `${flag}=wrong`], `flag ${flag}: ${property.name} must be`]];
    return parseArg && !argChoices && isChecked(parseArg)
      ? [['', [...words, flag, 'wrong'], '"wrong" is invalid. It must be']]
      : [];
  });
  it.each(cases)('%s', (_, words, says) => expectOneProblem(words, says));
});

/** Whether the parser of an option refuses any text. */
function isChecked(parse: NonNullable<Option['parseArg']>): boolean {
  try {
    parse('wrong', undefined as never);
    return false;
  } catch {
    return true;
  }
}
