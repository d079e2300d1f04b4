import { Option, type Command } from 'commander';

/** An option that may be given several times. Its value is the list of all values. */
export class RepeatableOption extends Option {
  constructor(flags: string, description: string) {
    super(flags, `${description}; may be repeated`);
    this.argParser<readonly string[]>((value, before = []) => [...before, value]);
  }
}

/**
 * Refuses the option values that are certainly a mistake, such as those of a script with an unset variable. Of the values of
 * an option that is given twice, Commander would silently drop the first.
 *
 * @param mayBeEmpty whether an option has a meaning for an empty value
 */
export function checkOptionValues(command: Command, mayBeEmpty: (option: Option) => boolean): void {
  for (const option of command.options.filter(({ required, optional }) => required || optional)) {
    const name = option.long ?? option.flags;
    let isGiven = false;
    command.on(`option:${option.name()}`, (value: string | null) => {
      if (isGiven && !(option instanceof RepeatableOption)) command.error(`${name} is given more than once`);
      if (value === '' && !mayBeEmpty(option)) command.error(`${name} is empty`);
      isGiven = true;
    });
  }
}
