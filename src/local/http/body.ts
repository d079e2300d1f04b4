import { ApiError } from '../errors.ts';

/** No task needs deeper nesting, and whatever is read must be written again. */
const DEEPEST = 400;

/**
 * Parses the body of a request, which must be JSON.
 *
 * @throws ApiError `MalformedPayload`
 */
export function parseBody(text: string): unknown {
  if (text === '') return {};
  if (depthOf(text) > DEEPEST) {
    throw new ApiError('MalformedPayload', `The payload is nested more than ${DEEPEST} deep`);
  }
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new ApiError('MalformedPayload', `Failed to parse JSON: ${(error as Error).message}`);
  }
  if (typeof body === 'object' && body !== null) return body;
  throw new ApiError('MalformedPayload', 'The payload is neither a JSON object nor a JSON array');
}

/** Returns the nesting depth of a text that may be JSON. */
function depthOf(text: string): number {
  if (text.length <= DEEPEST) return 0;
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (inString) {
      if (character === '\\') at++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '[' || character === '{') deepest = Math.max(deepest, ++depth);
    else if (character === ']' || character === '}') depth--;
  }
  return deepest;
}

/** @throws ApiError `MalformedPayload` */
export function checkContentType(contentType: string | undefined): void {
  if (contentType !== undefined && /^application\/json\s*(;|$)/i.test(contentType)) return;
  throw new ApiError(
    'MalformedPayload',
    `The payload must have the content-type application/json, not ${contentType ?? 'none'}`,
  );
}
