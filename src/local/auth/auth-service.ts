import { authApi, type AuthApi } from '../../queue/index.ts';
import { createService, type Service } from '../http/api.ts';
import { ping } from '../http/ping.ts';
import type { ExpandScopes } from './roles.ts';

/** The auth service, as far as it says what somebody may do. */
export function authService(expand: ExpandScopes): Service {
  return createService<AuthApi>('auth', authApi, {
    ping,

    async currentScopes({ caller }) {
      const who = await caller();
      return { scopes: who.kind === 'unknown' ? [] : expand(who.scopes) };
    },

    expandScopes: ({ body }) => ({ scopes: expand(body.scopes) }),
  });
}
