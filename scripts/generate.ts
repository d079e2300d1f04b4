/**
 * Generates what tcw knows of Taskcluster's exchanges and of its services' APIs: JSON schemas, types and tables.
 *
 *     npm run generate -- --references <file or root URL>
 *
 * The same references give the same bytes. Nothing is written unless all of it could be made.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { apiModule, queueApiModule } from './generate/api.ts';
import { exchangesModule } from './generate/exchanges.ts';
import { GenerateFailure } from './generate/failure.ts';
import { json, writeFiles } from './generate/output.ts';
import { loadReferences, type References } from './generate/references.ts';
import { openSource } from './generate/source.ts';

const USAGE = 'usage: npm run generate -- --references <file or root URL> [--out <folder>]';

async function main(): Promise<void> {
  const { location, folder } = readArguments();
  const references = await loadReferences(await openSource(location));
  const files = await generate(references);
  await writeFiles(folder, files);
  const exchanges = references.services.flatMap(service => service.exchanges);
  console.log(
    `${references.schemas.size} schemas, ${exchanges.length} exchanges, ${references.apis.map(({ name, calls }) => `${calls.length} calls of ${name}`).join(', ')}`,
  );
}

async function generate({ services, apis, schemas }: References): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const [path, schema] of schemas) files.set(`schemas/${path}`, json(schema));
  let shared: ReadonlySet<string> = new Set();
  for (const service of services) {
    const { content, typeNames } = await exchangesModule(service, schemas);
    files.set(`src/exchanges/generated/${service.name}.ts`, content);
    if (service.name === 'queue') shared = typeNames;
  }
  for (const api of apis) {
    const isQueue = api.name === 'queue';
    const content = isQueue
      ? await queueApiModule(api.calls, schemas, shared)
      : await apiModule(api, schemas);
    files.set(`src/taskcluster/generated/${isQueue ? 'api' : `${api.name}-api`}.ts`, content);
  }
  return files;
}

function readArguments(): { location: string; folder: string } {
  const options = { references: { type: 'string' }, out: { type: 'string' } } as const;
  try {
    const { references, out } = parseArgs({ options }).values;
    if (references)
      return { location: references, folder: out ?? fileURLToPath(new URL('..', import.meta.url)) };
  } catch (cause) {
    const [words] = (cause as Error).message.split('. ');
    throw new GenerateFailure(`${words}; ${USAGE}`, undefined, { cause });
  }
  throw new GenerateFailure(USAGE);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof GenerateFailure)) throw error;
  console.error(`generate: ${error.message}`);
  process.exitCode = error.exitCode;
}
