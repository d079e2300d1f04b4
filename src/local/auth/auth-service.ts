import type { Secret } from '../../base/index.ts';
import { authApi, type AuthApi } from '../../taskcluster/index.ts';
import type { Clock } from '../clock.ts';
import { ApiError } from '../errors.ts';
import { createService, type Service } from '../http/api.ts';
import { ping } from '../http/ping.ts';
import type { ExpandScopes } from './roles.ts';
import { websocktunnelToken } from './websocktunnel-token.ts';

export interface AuthServiceOptions {
  readonly expand: ExpandScopes;
  readonly clock: Clock;
  /** The destinations of each project's crash reports. Other projects have no Sentry. */
  readonly sentryDsns?: Readonly<Record<string, string>> | undefined;
  /** The secret shared with websocktunnel servers. Without it there are no tokens for them. */
  readonly websocktunnelSecret?: Secret | undefined;
}

/** How long a DSN is valid, in ms. Users may keep it for a day. */
const DSN_MS = 25 * 60 * 60 * 1_000;

/** The auth service, as far as it tells callers their scopes, and issues tokens for other servers. */
export function authService({
  expand,
  clock,
  sentryDsns = {},
  websocktunnelSecret,
}: AuthServiceOptions): Service {
  return createService<AuthApi>('auth', authApi, {
    ping,

    async currentScopes({ caller }) {
      const who = await caller();
      return { scopes: who.kind === 'unknown' ? [] : expand(who.scopes) };
    },

    expandScopes: ({ body }) => ({ scopes: expand(body.scopes) }),

    sentryDSN({ params: { project } }) {
      const secret = Object.hasOwn(sentryDsns, project) ? sentryDsns[project] : undefined;
      if (secret === undefined) throw new ApiError('ResourceNotFound', 'Sentry is not configured.');
      const open = new URL(secret);
      open.password = '';
      const expires = new Date(clock.now() + DSN_MS).toJSON();
      return { project, dsn: { secret, public: open.href }, expires };
    },

    websocktunnelToken({ params: { wstAudience, wstClient } }) {
      if (!websocktunnelSecret) throw new ApiError('ResourceNotFound', 'There is no websocktunnel.');
      const user = { wstAudience, wstClient };
      return { ...user, ...websocktunnelToken(websocktunnelSecret, user, clock.now()) };
    },
  });
}
