/** Parts of the contract that not every engine supports. */
export type Ability = 'peers' | 'usage' | 'background' | 'terminals' | 'leftovers' | 'errors';

/** The tested engines by their names in docs/engines.md, each with the abilities that it declares as missing. */
export const LACKS = {
  'native, PID namespace': ['errors'],
  'native, process group': ['errors'],
  user: ['errors'],
  docker: ['background', 'errors'],
  script: [],
  mock: ['usage', 'leftovers', 'errors', 'terminals'],
} as const satisfies Record<string, readonly Ability[]>;

export type ContractEngine = keyof typeof LACKS;

/** Why an engine may lack an ability, for docs/engines.md. */
export const WHY: Readonly<Record<Ability, string>> = {
  peers: 'The engine cannot tell which process opened a connection. Tasks cannot have the Taskcluster proxy.',
  usage: 'The engine does not measure what its processes use: `mock` has no processes.',
  background: 'A container ends with its command, and with it every process that the command started.',
  terminals: 'The engine opens no terminals. Tasks cannot have an interactive shell.',
  leftovers: 'Nothing of a run outlives the worker.',
  errors: 'Standard output and standard error are one stream.',
};
