/** What several floors need. None of it is exported from the package except `Secret`, `Backoff` and `longTimer`. */
export { unlessAborted } from './abort.ts';
export { fullJitter, type Backoff } from './backoff.ts';
export { boundedCheck } from './bounded-check.ts';
export { newEd25519Key, readEd25519Key, type Ed25519Key } from './ed25519.ts';
export { listed, problemText } from './listed.ts';
export { validator, type Validator } from './schema.ts';
export {
  newOpenpgpKeyPair,
  readOpenpgpPrivateKey,
  readOpenpgpPublicKey,
  type OpenpgpPrivateKey,
} from './openpgp.ts';
export { isScope, missingScopes, overlaps, satisfies, type ScopeExpression } from './scopes.ts';
export { Secret } from './secret.ts';
export { ServiceError, type ServiceErrorKind } from './service-error.ts';
export { uniqueItems } from './unique-items.ts';
export { withoutUrlPasswords } from './url-passwords.ts';
export { suggestion } from './nearest.ts';
export { SHELL_ARTIFACT } from './shell-artifact.ts';
