// For `node --import`: `tcw/…` is the source of this checkout.
import { registerHooks } from 'node:module';

const root = new URL('../../', import.meta.url);

registerHooks({
  resolve(specifier, context, next) {
    const [, entry] = /^tcw(?:\/(.+))?$/.exec(specifier) ?? [undefined, null];
    if (entry === null) return next(specifier, context);
    const file = entry === 'pulse/testing' ? entry : `${entry ?? 'worker'}/index`;
    return next(new URL(`src/${file}.ts`, root).href, context);
  },
});
