import { NoWayIn, type Exposure } from './exposure.ts';
import { newRoutes } from './routes.ts';
import { createServer } from './server.ts';
import type { Way, WayIn } from './way-in.ts';

/** Creates a worker's exposure by a way, or by none. The server is opened at the first call of `open`. */
export function openExposure(way: Way | undefined): Exposure {
  const routes = newRoutes();
  const opened = new AsyncDisposableStack();
  let opening: Promise<WayIn> | undefined;

  const openWay = async (chosen: Way): Promise<WayIn> => {
    await using stack = new AsyncDisposableStack();
    const { server, destroyConnections } = createServer(routes, chosen.tls);
    stack.defer(async () => {
      const closed = new Promise<void>(resolve => server.close(() => resolve()));
      destroyConnections();
      await closed;
    });
    const wayIn = stack.use(await chosen.open(server));
    opened.use(stack.move());
    return wayIn;
  };

  return {
    way: way?.name,
    open: async (name, handler) => {
      if (!way) throw new NoWayIn();
      opening ??= openWay(way).catch((error: unknown) => {
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
      await opened.disposeAsync();
    },
  };
}
