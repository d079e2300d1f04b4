import type { AnyExchange } from '../../exchanges/index.ts';
import { binding, type Binding, type Dialect } from '../../pulse/index.ts';
import { suggestion } from '../../base/index.ts';
import { exchangeNamed } from './exchange-names.ts';
import { checked, usageError } from './failure.ts';

/** The bindings that `listen` was asked for on its command line. */
export interface BindingArguments {
  readonly exchange: string | undefined;
  readonly patterns: readonly string[];
  /** The values of `--bind`: each is an exchange, optionally followed by a blank and a pattern. */
  readonly more: readonly string[];
  readonly dialect: Dialect | 'auto';
}

/** Matches every message. */
const ANY = '#';
const PART = /^([A-Za-z]+)=(.*)$/;

/**
 * Returns the requested bindings. They have no schemas, because a listener wants to see messages as they are.
 *
 * For an exchange of Taskcluster, `workerType=linux` stands for the pattern with that part of the routing key, and
 * `route=index.project.#` for a route of the task. Several parts form one pattern.
 *
 * @throws Failure 64 for an invalid name, pattern or part
 */
export function bindingsOf({ exchange, patterns, more, dialect }: BindingArguments): Binding[] {
  const asked = [
    ...(exchange === undefined ? [] : patternsOn(exchange, patterns)),
    ...more.flatMap(text => {
      const [name = '', ...words] = text.trim().split(/\s+/);
      return patternsOn(name, words);
    }),
  ];
  if (asked.length === 0) throw usageError('name an exchange to listen to (tcw pulse listen --help)');
  return asked.map(([name, pattern]) =>
    checked(() => binding(name, pattern, undefined, dialect === 'bare' ? {} : { dialect })),
  );
}

function patternsOn(exchangeWord: string, words: readonly string[]): [exchange: string, pattern: string][] {
  const { name, known } = exchangeNamed(exchangeWord);
  const parts: Record<string, string> = {};
  const patterns: string[] = [];
  for (const word of words) {
    const [, part = '', value = ''] = (known && PART.exec(word)) ?? [];
    if (part === '') patterns.push(word);
    else if (part === 'route') patterns.push(`route.${value}`);
    else parts[partNamed(part, known)] = value;
  }
  if (known && Object.keys(parts).length > 0) patterns.push(checked(() => known(parts)).pattern);
  return (patterns.length > 0 ? patterns : [ANY]).map(pattern => [name, pattern]);
}

function partNamed(word: string, known: AnyExchange | undefined): string {
  const names = (known?.routingKey ?? []).flatMap(part => (part.constant === undefined ? [part.name] : []));
  if (names.includes(word)) return word;
  throw usageError(
    `routing keys of ${known?.name ?? ''} have no part ${word}${suggestion(word, names)} ` +
      `(the parts are ${names.join(', ')})`,
  );
}
