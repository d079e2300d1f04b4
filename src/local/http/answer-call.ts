import type { FastifyReply, FastifyRequest } from 'fastify';

import type { ApiCall } from '../../queue/index.ts';
import type { Authenticate, Caller } from '../auth/authenticate.ts';
import { parametersOf, type ScopeParameters } from '../auth/scope-template.ts';
import type { Clock } from '../clock.ts';
import { ApiError } from '../errors.ts';
import { isoTime } from '../times.ts';
import { emptyAnswer, errorAnswer, jsonAnswer, type Answer } from './answer.ts';
import { authorize } from './authorize.ts';
import type { AnyHandler } from './call.ts';
import type { CheckInput } from './input.ts';
import { checkParameters, checkQuery } from './parameters.ts';

export interface ApiOptions {
  readonly authenticate: Authenticate;
  readonly checkInput: CheckInput;
  readonly clock: Clock;
  /** Told of everything that is not the caller's fault. */
  readonly onError: (error: unknown) => void;
}

/** A call as the references have it, with its name and with what answers it. */
export interface NamedCall extends ApiCall {
  readonly name: string;
  readonly handler: AnyHandler;
}

/** Answers one request for a call. It never rejects: what is thrown on the way is what is answered. */
export async function answerCall(
  call: NamedCall,
  params: Readonly<Record<string, string>>,
  request: FastifyRequest,
  reply: FastifyReply,
  options: ApiOptions,
): Promise<Answer> {
  const information = { method: call.name, params, payload: {} as unknown };
  try {
    const text = typeof request.body === 'string' ? request.body : '';
    information.payload = parse(text);
    return await answer(call, { params, body: information.payload, text, request, reply }, options);
  } catch (error) {
    if (!(error instanceof ApiError)) options.onError(error);
    return errorAnswer(error, information, isoTime(options.clock.now()));
  }
}

interface Parsed {
  readonly params: Readonly<Record<string, string>>;
  readonly body: unknown;
  /** The body as it was sent. */
  readonly text: string;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

async function answer(
  { name, args, query, input, scopes, handler }: NamedCall,
  { params, body, text, request, reply }: Parsed,
  { authenticate, checkInput }: ApiOptions,
): Promise<Answer> {
  let isAllowed = scopes === undefined;
  let known: Promise<Caller> | undefined;
  function caller(): Promise<Caller> {
    const { method = '', url = '', headers } = request.raw;
    return (known ??= authenticate({ method, url, headers, text }));
  }
  async function allow(parameters: ScopeParameters): Promise<void> {
    if (scopes === undefined) return;
    authorize(await caller(), scopes, parameters);
    isAllowed = true;
  }
  // Whoever may not do a thing is not told what else is wrong with it.
  if (scopes !== undefined && parametersOf(scopes).every(parameter => args.includes(parameter))) {
    await allow(params);
  }
  const given = request.query as Record<string, unknown>;
  checkParameters(params);
  checkQuery(query, given);
  if (input !== undefined) {
    checkContentType(request.headers['content-type']);
    checkInput(input, body);
  }
  let [status, headers]: [number, Answer['headers']] = [200, {}];
  const output = await handler({
    params,
    query: given,
    body,
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

/** @throws ApiError `MalformedPayload` */
function parse(text: string): unknown {
  if (text === '') return {};
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new ApiError('MalformedPayload', `Failed to parse JSON: ${(error as Error).message}`);
  }
  if (typeof body === 'object' && body !== null) return body;
  throw new ApiError('MalformedPayload', 'The payload is neither a JSON object nor a JSON array');
}

/** @throws ApiError `MalformedPayload` */
function checkContentType(contentType: string | undefined): void {
  if (contentType !== undefined && /^application\/json\s*(;|$)/i.test(contentType)) return;
  throw new ApiError(
    'MalformedPayload',
    `The payload must have the content-type application/json, not ${contentType ?? 'none'}`,
  );
}
