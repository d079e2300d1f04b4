import type { Caller } from '../auth/authenticate.ts';
import { fillIn, type ScopeParameters, type ScopeTemplate } from '../auth/scope-template.ts';
import { missingScopes, type ScopeExpression } from '../auth/scopes.ts';
import { ApiError } from '../errors.ts';

/**
 * Lets a caller pass who has the scopes that a call needs.
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

function block(expression: ScopeExpression): string {
  const text = typeof expression === 'string' ? expression : JSON.stringify(expression, null, 2);
  return ['```', text, '```'].join('\n');
}
