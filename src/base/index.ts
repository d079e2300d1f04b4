/** Code that several floors share. The package exports only `Secret` and `Backoff` of it. */
export { unlessAborted } from './abort.ts';
export { newAjv, type Draft } from './ajv.ts';
export { equalJitter, fullJitter, jitterWithFloor, type Backoff } from './backoff.ts';
export { boundedCheck } from './bounded-check.ts';
export { newEd25519Key, readEd25519Key, type Ed25519Key } from './ed25519.ts';
export { pointerSteps } from './json-pointer.ts';
export { listed, problemText } from './listed.ts';
export { validator, type Validator } from './schema.ts';
export { http, https } from './node-http.ts';
export {
  newOpenpgpKeyPair,
  readOpenpgpPrivateKey,
  readOpenpgpPublicKey,
  type OpenpgpPrivateKey,
} from './openpgp.ts';
export { isScope, missingScopes, overlaps, satisfies, type ScopeExpression } from './scopes.ts';
export { Secret } from './secret.ts';
export { ServiceError, type ServiceErrorKind } from './service-error.ts';
export { inTimerRange, LONGEST_TIMER_MS } from './timer-range.ts';
export { urlDecoded } from './url-decoded.ts';
export { withoutUrlPasswords, withoutUrlSecrets } from './url-secrets.ts';
export { shellQuoted } from './shell-quoted.ts';
export { suggestion } from './nearest.ts';
export { SHELL_ARTIFACT } from './shell-artifact.ts';
