import { allCommands, nameOf, type CommandNode } from './command-tree.ts';
import { patterns, quoted } from './quoting.ts';

/** Returns a zsh script that completes the commands, options and fixed values of a program, with their descriptions. */
export function zshCompletion(program: CommandNode): string {
  const { path: name } = program;
  const commands = allCommands(program);
  const cases = commands.flatMap(({ path, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .map(({ flags, choices }) => {
        const complete = choices.length === 0 ? '_files' : `compadd -- ${choices.map(quoted).join(' ')}`;
        return `    ${patterns(flags.map(flag => `${path} ${flag}`))}) ${complete}; return ;;`;
      }),
  );
  const words = commands.map(node => {
    const { path, options, choices } = node;
    const flags = options.flatMap(option => option.flags.map(flag => described(flag, option.description)));
    const others = [...node.commands.map(sub => described(nameOf(sub), sub.summary)), ...choices.map(quoted)];
    return `    ${quoted(path)})\n      flags=(${flags.join(' ')})\n      others=(${others.join(' ')}) ;;`;
  });
  return `#compdef ${name}
# Completion of ${name} for zsh, printed by "${name} completion zsh".
_${name}() {
  local command=${name} i
  local -a flags others
  for ((i = 2; i < CURRENT; i++)); do
    case "$command \${words[i]}" in
      ${patterns(commands.slice(1).map(({ path }) => path))}) command="$command \${words[i]}" ;;
    esac
  done
  case "$command \${words[CURRENT-1]}" in
${cases.join('\n')}
  esac
  case $command in
${words.join('\n')}
  esac
  if [[ $PREFIX == -* ]]; then
    _describe -o option flags
  elif (( $#others )); then
    _describe command others
  else
    _files
  fi
}
if [[ $funcstack[1] == _${name} ]]; then _${name} "$@"; else compdef _${name} ${name}; fi
`;
}

/** A word and its description. `_describe` splits them at the first colon. */
function described(word: string, description: string): string {
  return quoted(`${word}:${description}`);
}
