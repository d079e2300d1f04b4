/** Code that several floors share. The package exports only `Secret` and `Backoff` of it. */
export { unlessAborted } from './waiting/abort.ts';
export { newAjv, type Draft } from './json/ajv.ts';
export { equalJitter, fullJitter, jitterWithFloor, type Backoff } from './waiting/backoff.ts';
export { boundedCheck } from './json/bounded-check.ts';
export { newEd25519Key, readEd25519Key, type Ed25519Key } from './secrets/ed25519.ts';
export { pointerSteps } from './json/json-pointer.ts';
export { listed, problemText } from './text/listed.ts';
export { validator, type Validator } from './json/schema.ts';
export { http, https } from './services/node-http.ts';
export {
  newOpenpgpKeyPair,
  readOpenpgpPrivateKey,
  readOpenpgpPublicKey,
  type OpenpgpPrivateKey,
} from './secrets/openpgp.ts';
export { isScope, missingScopes, overlaps, satisfies, type ScopeExpression } from './services/scopes.ts';
export { Secret } from './secrets/secret.ts';
export { ServiceError, type ServiceErrorKind } from './services/service-error.ts';
export { inTimerRange, LONGEST_TIMER_MS } from './waiting/timer-range.ts';
export { urlDecoded } from './text/url-decoded.ts';
export { withoutUrlPasswords, withoutUrlSecrets } from './secrets/url-secrets.ts';
export { shellQuoted } from './text/shell-quoted.ts';
export { suggestion } from './text/nearest.ts';
export { SHELL_ARTIFACT } from './services/shell-artifact.ts';
