import { missingScopes } from '../../base/index.ts';
import type { Caller } from '../auth/authenticate.ts';
import { fillIn, isPossible, type ScopeParameters, type ScopeTemplate } from '../auth/scope-template.ts';
import { type ScopeExpression } from '../../base/index.ts';
import { ApiError } from '../errors.ts';

/**
 * Checks that a caller has the scopes that a call needs.
 *
 * @throws ApiError `AuthenticationFailed` for a bad signature, `InsufficientScopes`
 */
export function authorize(caller: Caller, template: ScopeTemplate, parameters: ScopeParameters): void {
  const required = fillIn(template, parameters);
  if (caller.kind === 'unknown') throw new ApiError('AuthenticationFailed', caller.why);
  const missing = missingScopes(caller.scopes, required);
  if (missing === undefined) return;
  throw new ApiError(
    'InsufficientScopes',
    caller.kind === 'anonymous'
      ? `This request needs Taskcluster credentials with these scopes:\n\n${block(required)}`
      : [
          `Client ID ${caller.clientId} does not have sufficient scopes and is missing the following scopes:`,
          block(missing),
          'This request requires the client to satisfy the following scope expression:',
          block(required),
        ].join('\n\n'),
  );
}

/**
 * Checks that a caller has the scopes that a call needs with at least one body. Only the parameters of the path
 * are known.
 *
 * @throws ApiError `AuthenticationFailed` for a bad signature, `InsufficientScopes`
 */
export function mayBeAuthorized(caller: Caller, template: ScopeTemplate, parameters: ScopeParameters): void {
  if (caller.kind === 'unknown') throw new ApiError('AuthenticationFailed', caller.why);
  if (isPossible(caller.scopes, template, parameters)) return;
  throw new ApiError(
    'InsufficientScopes',
    caller.kind === 'anonymous'
      ? `This request needs Taskcluster credentials with scopes by this rule:\n\n${block(template)}`
      : `Client ID ${caller.clientId} does not have sufficient scopes. They follow from this rule:\n\n${block(template)}`,
  );
}

function block(expression: ScopeExpression | ScopeTemplate): string {
  const text = typeof expression === 'string' ? expression : JSON.stringify(expression, null, 2);
  return ['```', text, '```'].join('\n');
}
