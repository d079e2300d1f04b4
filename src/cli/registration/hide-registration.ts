import type { PoolMember } from '../../pool/index.ts';
import type { LiveSecrets } from '../../worker/index.ts';

/**
 * Hides a registration in all logs: its credentials, and the secret for the next renewal. Worker-manager, or a proxy in
 * front of it, may repeat them in a response.
 */
export function hideRegistration(
  { state, credentials$ }: Pick<PoolMember, 'state' | 'credentials$'>,
  secrets: LiveSecrets,
): Disposable {
  const add = () => {
    const { credentials, secret } = state();
    return secrets.add(secret, credentials.accessToken, credentials.certificate);
  };
  let forget = add();
  const subscription = credentials$.subscribe(() => {
    const before = forget;
    forget = add();
    before();
  });
  return {
    [Symbol.dispose]: () => {
      subscription.unsubscribe();
    },
  };
}
