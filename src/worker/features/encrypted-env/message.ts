import { readOpenpgpPublicKey, Secret, type OpenpgpPrivateKey } from '../../../base/index.ts';
import { nameProblem, valueProblem } from './name.ts';

/** The only version of the format, which is docker-worker's. Some of its tools wrote it as a string. */
const VERSION = 1;
/** In characters. The system allows no variable of more than 128 KiB, which is this much in base64. */
const LONGEST_ITEM = 192 * 1024;

/** A variable for the commands of one task, valid for a limited time. */
export interface TaskVariable {
  readonly taskId: string;
  /** ms since the epoch. Workers refuse the variable before this time. */
  readonly startTime: number;
  /** ms since the epoch. Workers refuse the variable after this time. */
  readonly endTime: number;
  readonly name: string;
  readonly value: Secret;
}

/**
 * Encrypts variables for workers that have the private key. Each becomes an item of a payload's `encryptedEnv`.
 *
 * @param publicKey ASCII-armoured
 * @returns base64 of a binary OpenPGP message for each variable
 * @throws Error that names the problem with the key or with a variable
 */
export async function encryptVariables(
  publicKey: string,
  variables: readonly TaskVariable[],
): Promise<string[]> {
  const key = await readOpenpgpPublicKey(publicKey).catch((error: unknown) => {
    throw new Error(`the public key file ${(error as Error).message}`, { cause: error });
  });
  const items: string[] = [];
  for (const { taskId, startTime, endTime, name, value } of variables) {
    const text = value.reveal();
    const problem = nameProblem(name) ?? valueProblem(text);
    if (problem !== undefined) throw new Error(`an encrypted variable ${problem}`);
    const message = { messageVersion: VERSION, taskId, startTime, endTime, name, value: text };
    items.push(Buffer.from(await key.encrypt(JSON.stringify(message))).toString('base64'));
  }
  return items;
}

/**
 * Decrypts one item of a payload's `encryptedEnv`.
 *
 * @throws Error that says why the task may not have it. It reveals nothing of the message, because the item may
 *   have been copied from another task
 */
export async function decryptVariable(
  item: string,
  key: Pick<OpenpgpPrivateKey, 'decrypt'>,
  { taskId, nowMs }: { readonly taskId: string; readonly nowMs: number },
): Promise<Pick<TaskVariable, 'name' | 'value'>> {
  if (item.length > LONGEST_ITEM) throw new Error(`is longer than ${LONGEST_ITEM} characters`);
  // Programs insert line breaks into base64.
  const base64 = item.replaceAll(/\s/g, '');
  const encrypted = Buffer.from(base64, 'base64');
  if (encrypted.toString('base64') !== base64) throw new Error('is not base64');
  const message = readMessage(await decrypted(key, encrypted));
  if (message.messageVersion !== VERSION && message.messageVersion !== String(VERSION)) {
    throw new Error(`is of a version that is not supported: messageVersion must be ${VERSION}`);
  }
  if (message.taskId !== taskId) throw new Error('is for another task');
  const { startTime, endTime, name, value } = message;
  if (typeof startTime !== 'number' || typeof endTime !== 'number') {
    throw new Error('must have a startTime and an endTime, in milliseconds since the epoch');
  }
  if (nowMs < startTime) throw new Error('has a startTime in the future');
  if (nowMs > endTime) throw new Error('has an endTime in the past');
  const problem = nameProblem(name) ?? valueProblem(value);
  if (problem !== undefined) throw new Error(problem);
  return { name: name as string, value: new Secret(value as string) };
}

async function decrypted(key: Pick<OpenpgpPrivateKey, 'decrypt'>, message: Uint8Array): Promise<Uint8Array> {
  try {
    return await key.decrypt(message);
  } catch {
    throw new Error("cannot be decrypted with this worker's key");
  }
}

/** Does not use the parser's own message, which would quote the text. */
function readMessage(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let message: unknown;
  try {
    message = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    message = undefined;
  }
  if (typeof message !== 'object' || message === null || Array.isArray(message)) {
    throw new Error('does not contain a JSON object');
  }
  return message as Readonly<Record<string, unknown>>;
}
