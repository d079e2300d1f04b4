import type { FastifyReply, FastifyRequest } from 'fastify';

import type { ApiCall } from '../../taskcluster/index.ts';
import { hasPayload, type Authenticate, type Caller } from '../auth/authenticate.ts';
import { parametersOf, type ScopeParameters } from '../auth/scope-template.ts';
import type { Clock } from '../clock.ts';
import { ApiError } from '../errors.ts';
import { isoTime } from '../times.ts';
import { emptyAnswer, errorAnswer, jsonAnswer, type Answer } from './answer.ts';
import { authorize, mayBeAuthorized } from './authorize.ts';
import { checkContentType, parseBody } from './body.ts';
import type { AnyHandler } from './call.ts';
import type { CheckInput } from './input.ts';
import { checkParameters, checkQuery } from './parameters.ts';

export interface ApiOptions {
  readonly authenticate: Authenticate;
  readonly checkInput: CheckInput;
  readonly clock: Clock;
  /** Called for every problem that is not the caller's fault. */
  readonly onError: (error: unknown) => void;
}

/** A call from the references, with its name and its handler. */
export interface NamedCall extends ApiCall {
  readonly name: string;
  readonly handler: AnyHandler;
}

/** A request for a call whose body has not been read yet. */
export interface Visit {
  /** @throws ApiError for callers that may not make this call with any body */
  admit(): Promise<void>;
  /** Returns the answer to the whole request. It never rejects: errors become the answer. */
  answer(reply: FastifyReply): Promise<Answer>;
  refusal(error: unknown): Answer;
}

/**
 * Bodies up to this size (bytes) are read from everybody, so that people who call by hand see the problem with
 * their body.
 */
const SMALL_BODY = 64 * 1024;

function mayBeLarge({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > SMALL_BODY;
}

/**
 * Processes one request for a call. The caller is checked before the body is read, and the body's signature
 * before it is parsed.
 */
export function receive(
  call: NamedCall,
  params: Readonly<Record<string, string>>,
  request: FastifyRequest,
  { authenticate, checkInput, clock, onError }: ApiOptions,
): Visit {
  const { name, args, query, input, scopes, handler } = call;
  let isAllowed = scopes === undefined;
  let payload: unknown = {};
  let known: Promise<Caller> | undefined;
  const caller = (): Promise<Caller> => {
    const { method = '', url = '', headers } = request.raw;
    return (known ??= authenticate({ method, url, headers }));
  };
  async function allow(parameters: ScopeParameters): Promise<void> {
    if (scopes === undefined) return;
    authorize(await caller(), scopes, parameters);
    isAllowed = true;
  }
  async function mayBeAllowed(): Promise<void> {
    if (scopes !== undefined && !isAllowed) mayBeAuthorized(await caller(), scopes, params);
  }

  async function answerRequest(reply: FastifyReply): Promise<Answer> {
    const text = typeof request.body === 'string' ? request.body : '';
    if (known && !hasPayload(await known, text, request.headers['content-type'])) {
      throw new ApiError('AuthenticationFailed', 'Bad payload hash');
    }
    payload = parseBody(text);
    if (input !== undefined) checkContentType(request.headers['content-type']);
    const given = request.query as Record<string, unknown>;
    try {
      checkParameters(params);
      checkQuery(query, given);
      if (input !== undefined) checkInput(input, payload, text.length);
    } catch (error) {
      // Callers without permission do not learn about other problems.
      await mayBeAllowed();
      throw error;
    }
    let [status, headers]: [number, Answer['headers']] = [200, {}];
    const output = await handler({
      params,
      query: given,
      body: payload,
      authorize: allow,
      caller,
      answerWith: (otherStatus, otherHeaders) => {
        [status, headers] = [otherStatus, otherHeaders];
      },
      onGone: callback => void reply.raw.once('close', callback),
    });
    if (!isAllowed) throw new Error(`${name} was answered without a look at the caller's scopes`);
    return output === undefined ? emptyAnswer() : jsonAnswer(status, headers, output);
  }

  function refusal(error: unknown): Answer {
    if (!(error instanceof ApiError)) onError(error);
    return errorAnswer(error, { method: name, params, payload }, isoTime(clock.now()));
  }

  return {
    refusal,
    answer: reply => answerRequest(reply).catch(refusal),
    async admit() {
      if (scopes === undefined) return;
      const who = await caller();
      if (who.kind === 'unknown') throw new ApiError('AuthenticationFailed', who.why);
      if (parametersOf(scopes).every(parameter => args.includes(parameter))) await allow(params);
      else if (mayBeLarge(request)) await mayBeAllowed();
    },
  };
}
