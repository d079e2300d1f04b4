import { fileURLToPath } from 'node:url';
import { exportsOf, type Exported } from './declarations.ts';
import { pageText } from './page.ts';

const FOLDER = 'docs/pulse/reference';

/** The sections of `tcw/pulse`, each with the modules whose exports it contains. */
const SECTIONS: readonly (readonly [string, readonly string[]])[] = [
  [
    'Connecting',
    [
      'pulse/connect',
      'pulse/pulse',
      'pulse/session/state',
      'pulse/transport/amqp/transport',
      'pulse/transport/credentials',
      'base/secrets/secret',
      'pulse/session/backoff',
      'base/waiting/backoff',
      'pulse/telemetry/log',
    ],
  ],
  [
    'Queues and bindings',
    [
      'pulse/topology/queue',
      'pulse/topology/queue-admin',
      'pulse/topology/binding',
      'pulse/topology/topology',
      'pulse/topology/management',
    ],
  ],
  [
    'Consuming',
    [
      'pulse/consume/consume-options',
      'pulse/consume/consume',
      'pulse/consume/messages',
      'pulse/consume/message',
    ],
  ],
  ['Message bodies', ['pulse/body/dialect', 'pulse/body/body-check', 'pulse/body/json-text']],
  [
    'Handling',
    [
      'pulse/handle/handle',
      'pulse/handle/handle-options',
      'pulse/handle/handle-until-stopped',
      'pulse/verdict',
      'pulse/handle/retry-policy',
    ],
  ],
  [
    'Publishing',
    ['pulse/publish/publish-options', 'pulse/publish-result', 'pulse/publish/exchange-publisher'],
  ],
  ['Errors', ['pulse/errors']],
  ['Routing keys', ['pulse/transport/routing-key']],
  ['Below: transports', ['pulse/transport/transport']],
];
/** The broker in memory has a page of its own. */
const OTHER_PAGE = 'pulse/transport/memory/';

/** Returns the expected content of the reference pages, by path. */
export async function referencePages(root: string): Promise<Map<string, string>> {
  const source = (name: string) => `${root}src/pulse/${name}.ts`;
  const [library = [], testing = []] = exportsOf([source('index'), source('testing')]);
  return new Map([
    [
      `${FOLDER}/pulse.md`,
      await pageText({
        title: 'tcw/pulse',
        about:
          'Everything that `tcw/pulse` exports. How it fits together is in [consuming](../consuming.md) and ' +
          '[publishing](../publishing.md).',
        sections: sectionsOf(library),
      }),
    ],
    [
      `${FOLDER}/testing.md`,
      await pageText({
        title: 'tcw/pulse/testing',
        about: 'A broker in memory for tests; [testing](../testing.md) shows how to use it.',
        sections: [{ title: 'Exports', exports: testing }],
      }),
    ],
  ]);
}

/** @throws Error if a module has no section, or a section names a module that exports nothing */
function sectionsOf(library: readonly Exported[]) {
  const listed = SECTIONS.flatMap(([, modules]) => modules);
  const exporting = library.map(({ module }) => module).filter(module => !module.startsWith(OTHER_PAGE));
  const wrong = [
    ...exporting.filter(module => !listed.includes(module)),
    ...listed.filter(module => !exporting.includes(module)),
  ];
  if (wrong.length > 0) throw new Error(`adapt SECTIONS in scripts/reference/pages.ts: ${wrong.join(', ')}`);
  return SECTIONS.map(([title, modules]) => ({
    title,
    exports: modules.flatMap(module => library.filter(one => one.module === module)),
  }));
}

/** The folder of the project, with a trailing slash. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
