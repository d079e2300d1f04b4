import { fileURLToPath } from 'node:url';
import { exportsOf, type Exported } from './declarations.ts';
import { pageText } from './page.ts';

const FOLDER = 'docs/pulse/reference';

/** The sections of `tcw/pulse`, each with the modules whose exports it contains. All other exports come last. */
const SECTIONS: readonly (readonly [string, readonly string[]])[] = [
  ['Connecting', ['connect', 'pulse', 'amqp/transport', 'credentials', 'secret', 'state', 'backoff']],
  ['Queues and bindings', ['queue', 'queue-admin', 'binding', 'body-check', 'dialect', 'management']],
  ['Consuming', ['consume-options', 'consume', 'message']],
  ['Handling', ['handle', 'handle-options', 'verdict', 'retry-policy']],
  ['Publishing', ['publish-options', 'exchange-publisher']],
  ['Errors', ['errors']],
  ['Routing keys', ['routing-key']],
  ['Below: transports', ['transport']],
];

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

function sectionsOf(library: readonly Exported[]) {
  const placed = new Set(SECTIONS.flatMap(([, modules]) => modules));
  // The in-memory broker is documented on the testing page.
  const rest = library.filter(({ module }) => !placed.has(module) && !module.startsWith('memory/'));
  const known = SECTIONS.map(([title, modules]) => ({
    title,
    exports: modules.flatMap(module => library.filter(one => one.module === module)),
  }));
  return [...known, { title: 'And', exports: rest }].filter(({ exports }) => exports.length > 0);
}

/** The folder of the project, with a trailing slash. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
