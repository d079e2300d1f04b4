import { ExposureNotConfigured, type Exposure } from './exposure.ts';
import { newRoutes } from './routes.ts';
import { createServer } from './server.ts';
import type { ExposureMethod, PublicEndpoint } from './exposure-method.ts';

/** Creates a worker's exposure. The first call of `open` opens the server. Without a method, each call fails. */
export function openExposure(method: ExposureMethod | undefined): Exposure {
  const routes = newRoutes();
  const openedEndpoint = new AsyncDisposableStack();
  let opening: Promise<PublicEndpoint> | undefined;

  const openEndpoint = async (chosen: ExposureMethod): Promise<PublicEndpoint> => {
    await using stack = new AsyncDisposableStack();
    const { server, destroyConnections } = createServer(routes, chosen.tls);
    stack.defer(async () => {
      const closed = new Promise<void>(resolve => server.close(() => resolve()));
      destroyConnections();
      await closed;
    });
    const endpoint = stack.use(await chosen.open(server));
    openedEndpoint.use(stack.move());
    return endpoint;
  };

  return {
    method: method?.name,
    open: async (name, handler) => {
      if (!method) throw new ExposureNotConfigured();
      opening ??= openEndpoint(method).catch((error: unknown) => {
        opening = undefined;
        throw error;
      });
      const { prefix } = await opening;
      const { path, remove } = routes.add(name, handler);
      return {
        url: `${prefix}${path}`,
        [Symbol.asyncDispose]: () => {
          remove();
          return Promise.resolve();
        },
      };
    },
    [Symbol.asyncDispose]: async () => {
      await opening?.catch(() => undefined);
      await openedEndpoint.disposeAsync();
    },
  };
}
