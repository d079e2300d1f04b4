import { readFile } from 'node:fs/promises';
import { Secret } from '../../base/index.ts';
import { EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';

/** The sources of values that are not on the command line. */
export interface Sources {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Reads all of standard input. */
  readonly stdin: () => Promise<Buffer>;
}

interface Variable {
  readonly name: string;
  readonly value: Secret;
}

/**
 * Reads the variables that the command line names: `NAME` (the value is in the environment), `NAME=@file` (the content
 * of a file; `@-` is standard input) or `NAME=value`.
 *
 * @throws Failure whose message contains no value
 */
export async function readVariables(
  variableArguments: readonly string[],
  sources: Sources,
): Promise<Variable[]> {
  if (variableArguments.filter(word => /^[^=]*=@-$/.test(word)).length > 1) {
    throw usage('only one variable can have the content of standard input');
  }
  const variables: Variable[] = [];
  for (const word of variableArguments) {
    const variable = await readVariable(word, sources);
    if (variables.some(({ name }) => name === variable.name)) throw usage(`${variable.name} is given twice`);
    variables.push(variable);
  }
  return variables;
}

async function readVariable(word: string, sources: Sources): Promise<Variable> {
  const at = word.indexOf('=');
  if (at === 0 || word === '') throw usage('a variable without a name');
  if (at < 0) {
    const value = sources.environment[word];
    if (value !== undefined) return { name: word, value: new Secret(value) };
    throw usage(`${word} is not in the environment: set it, or use ${word}=@file`);
  }
  const name = word.slice(0, at);
  const value = word.slice(at + 1);
  return {
    name,
    value: new Secret(value.startsWith('@') ? await content(name, value.slice(1), sources) : value),
  };
}

async function content(name: string, file: string, { stdin }: Sources): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await (file === '-' ? stdin() : readFile(file));
  } catch (error) {
    throw usage(`${name}: ${file} cannot be read: ${(error as Error).message}`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw usage(
      `${name}: ${file === '-' ? 'standard input' : file} is not UTF-8, which is required for a variable`,
    );
  }
}

function usage(message: string): Failure {
  return new Failure(EXIT_CODES.cannotLoadConfig.code, message);
}
