import type { AnyExchange } from '../../exchanges/index.ts';
import { binding, type Binding, type Dialect } from '../../pulse/index.ts';
import { suggestion } from '../words/nearest.ts';
import { exchangeNamed } from './exchange-names.ts';
import { checked, usageError } from './failure.ts';

/** What `listen` is to hear, as its words say it. */
export interface BindingWords {
  readonly exchange: string | undefined;
  readonly patterns: readonly string[];
  /** Of `--bind`, each an exchange, and perhaps a pattern after a blank. */
  readonly more: readonly string[];
  readonly dialect: Dialect | 'auto';
}

/** Every message. */
const ANY = '#';
const PART = /^([A-Za-z]+)=(.*)$/;

/**
 * The bindings that words ask for, without schemas: who listens wants to see what is there.
 *
 * For an exchange of Taskcluster `workerType=linux` stands for the pattern with that part of its routing key, and
 * `route=index.project.#` for a task's route. Several parts make one pattern.
 *
 * @throws Failure 64 for a name, a pattern or a part that cannot be
 */
export function bindingsOf({ exchange, patterns, more, dialect }: BindingWords): Binding[] {
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
      `(there is ${names.join(', ')})`,
  );
}
