import { secretsApi, type SecretsApi } from '../../taskcluster/index.ts';
import type { Clock } from '../clock.ts';
import { ApiError } from '../errors.ts';
import { createService, type Service } from '../http/api.ts';
import { pageOf } from '../http/pages.ts';
import { ping } from '../http/ping.ts';
import { parseTime } from '../times.ts';

/** As received: the expiry is returned in the caller's format. */
type Stored = SecretsApi['set']['input'];

/** The secrets service: JSON objects by name, each with an expiry. */
export function secretsService(clock: Clock): Service {
  const secrets = new Map<string, Stored>();

  function find(name: string): Stored {
    const found = secrets.get(name);
    if (!found) throw new ApiError('ResourceNotFound', `There is no secret \`${name}\`.`);
    if (parseTime(found.expires) < clock.now()) {
      throw new ApiError('ResourceExpired', `The secret \`${name}\` has expired.`);
    }
    return found;
  }

  return createService<SecretsApi>('secrets', secretsApi, {
    ping,

    get: ({ params }) => find(params.name),

    set({ params, body }) {
      parseTime(body.expires);
      secrets.set(params.name, body);
      return {};
    },

    remove({ params }) {
      find(params.name);
      secrets.delete(params.name);
      return {};
    },

    list({ query }) {
      const { items, ...rest } = pageOf([...secrets.keys()].sort(), query);
      return { secrets: items, ...rest };
    },
  });
}
