import { PROPERTIES } from '../../../worker/config/index.ts';
import { cannotLoad, type Problem } from '../problem.ts';
import { unknownName, type Setting, type Source } from '../source.ts';
import { flagName } from '../spelling.ts';
import { valueOfText } from './text.ts';

/**
 * The flags of a command line: the text for each property, `true` for a flag without a value, and the arguments that
 * were not recognised.
 */
export interface GivenFlags {
  readonly given: ReadonlyMap<string, string | true>;
  readonly rest: readonly string[];
}

/** Reads the flags of a command line: `--capacity` sets `capacity`. */
export function flags({ given, rest }: GivenFlags): Source {
  const known = [...PROPERTIES.keys()].map(flagName);
  const settings = new Map<string, Setting>();
  const problems: Problem[] = [];
  for (const [name, text] of given) {
    const place = `flag ${flagName(name)}`;
    if (text !== true && known.includes(text)) {
      problems.push(cannotLoad(`${place} needs a value, and ${text} follows it`));
    } else {
      settings.set(name, { value: text === true ? true : valueOfText(name, text), place });
    }
  }
  // The value of an unknown flag follows it, as the next word or after `=`. Neither is shown, because the value may be
  // a secret.
  const unknown = rest.filter(word => word.startsWith('-')).map(word => word.split('=', 1)[0] ?? word);
  const candidates = [...known, '--config', '--check', '--json', '--with-worker-runner', '--help'];
  problems.push(
    ...unknown.map(flag =>
      candidates.includes(flag)
        ? cannotLoad(`command line: ${flag} follows --, which ends the options`)
        : unknownName('command line', 'unknown option', flag, candidates),
    ),
  );
  if (unknown.length === 0 && rest.length > 0) {
    problems.push(
      cannotLoad('command line: tcw run takes only flags; a configuration file is given with --config FILE'),
    );
  }
  return { settings, problems };
}
