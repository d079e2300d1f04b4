import { execa } from 'execa';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, dirname, join } from 'node:path';

interface Manifest {
  readonly name: string;
  readonly version: string;
}

/** An npm registry on this machine that has the packages which are installed in a checkout. */
export interface Registry extends AsyncDisposable {
  readonly url: string;
}

/**
 * Serves the packages of a lock file from the `node_modules` beside it, so that npm can install a package and its dependencies
 * without a network. A package that is installed under another name is served under its own, as another version.
 */
export async function registryOf(root: string): Promise<Registry> {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { readonly name?: string }>;
  };
  const places = Object.keys(lock.packages).filter(place => place.includes('node_modules/'));
  const nameOf = (place: string) => lock.packages[place]?.name ?? place.replace(/^.*node_modules\//, '');
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://registry');
    const asked = decodeURIComponent(pathname.slice(1));
    if (asked.startsWith('-/')) {
      const place = asked.slice(2);
      if (!places.includes(place)) return void response.writeHead(404).end();
      const [folder, name] = [join(root, dirname(place)), basename(place)];
      const tar = execa('tar', ['-czf', '-', `--exclude=${name}/node_modules`, '-C', folder, name], {
        encoding: 'buffer',
      });
      return void tar.then(
        ({ stdout }) => response.end(stdout),
        () => response.writeHead(500).end(),
      );
    }
    const versions = places
      .filter(place => nameOf(place) === asked)
      // The lock also names packages for other platforms.
      .filter(place => existsSync(join(root, place)))
      .map(place => {
        const manifest = JSON.parse(readFileSync(join(root, place, 'package.json'), 'utf8')) as Manifest;
        const tarball = `http://${request.headers.host}/-/${encodeURIComponent(place)}`;
        return { ...manifest, dist: { tarball } };
      });
    const [first] = versions;
    if (!first) return void response.writeHead(404).end('{}');
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({
        name: asked,
        'dist-tags': { latest: first.version },
        versions: Object.fromEntries(versions.map(manifest => [manifest.version, manifest])),
      }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
