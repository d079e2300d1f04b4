import type { Duplex } from 'node:stream';
import type { Network } from '../../container.ts';
import { CommandNotStarted } from '../../engine.ts';
import { DockerError, hasStatus, type DockerClient } from '../api/index.ts';
import type { Inspected } from './inspected.ts';
import { addressIn } from './peers.ts';

/** A container that runs one command. */
export class CommandContainer {
  readonly id: string;
  readonly #client: DockerClient;
  #address: Promise<string | undefined> | undefined;

  private constructor(client: DockerClient, id: string) {
    this.#client = client;
    this.id = id;
  }

  /** @throws CommandNotStarted when neither the payload nor the image has a command */
  static async create(client: DockerClient, body: object, timeoutMs: number): Promise<CommandContainer> {
    try {
      const { Id } = await client.json<{ Id: string }>({
        method: 'POST',
        path: '/containers/create',
        body,
        timeoutMs,
      });
      return new CommandContainer(client, Id);
    } catch (error) {
      if (hasStatus(error, 400) && /no command/i.test((error as Error).message)) {
        throw new CommandNotStarted('exec: no command, and the image has none either', { cause: error });
      }
      throw error;
    }
  }

  /**
   * Attaches to the output or the input of the command. Call it before the start, so that no output is lost. The input has
   * its own connection: if it breaks, the output continues.
   */
  attach(to: 'output' | 'input'): Promise<Duplex> {
    return this.#client.upgrade({
      path: `/containers/${this.id}/attach`,
      query: to === 'input' ? { stream: 1, stdin: 1 } : { stream: 1, stdout: 1, stderr: 1 },
    });
  }

  /** @throws CommandNotStarted when the engine cannot start a process of the command */
  async start(timeoutMs: number): Promise<void> {
    try {
      await this.#client.json({ method: 'POST', path: `/containers/${this.id}/start`, timeoutMs });
    } catch (error) {
      const isOfCommand =
        hasStatus(error, 400, 404, 500) && /OCI runtime|unable to find user/i.test((error as Error).message);
      if (isOfCommand) throw new CommandNotStarted((error as Error).message, { cause: error });
      throw error;
    }
  }

  /**
   * Waits for the end of the container without a time limit, or until the signal is aborted.
   *
   * @returns its exit code
   */
  async ended(signal?: AbortSignal, timeoutMs = 0): Promise<number> {
    const { StatusCode, Error: problem } = await this.#client.json<{
      StatusCode: number;
      Error?: { Message: string } | null;
    }>({ method: 'POST', path: `/containers/${this.id}/wait`, signal, timeoutMs });
    if (problem) throw new DockerError(problem.Message);
    return StatusCode;
  }

  /** Waits until the container has ended or was removed. */
  async endedOrGone(timeoutMs: number): Promise<void> {
    await this.ended(undefined, timeoutMs).catch((error: unknown) => {
      if (!hasStatus(error, 404)) throw error;
    });
  }

  /** The container's address in a network, which is fixed while the container runs. */
  addressIn(network: Network | undefined): Promise<string | undefined> {
    this.#address ??= this.inspect().then(inspected => addressIn(inspected, network));
    this.#address.catch(() => {
      this.#address = undefined;
    });
    return this.#address;
  }

  inspect(): Promise<Inspected> {
    return this.#client.json({ method: 'GET', path: `/containers/${this.id}/json` });
  }

  /** Bytes written in the container's own layer, without mounts. */
  async layerBytes(signal: AbortSignal): Promise<number> {
    const { SizeRw = 0 } = await this.#client.json<{ SizeRw?: number }>({
      method: 'GET',
      path: `/containers/${this.id}/json`,
      query: { size: true },
      signal,
    });
    return SizeRw;
  }

  /** Sends a signal to the container's first process. Does nothing after the container has ended. */
  async kill(signal: 'SIGTERM' | 'SIGKILL', timeoutMs: number): Promise<void> {
    try {
      await this.#client.json({
        method: 'POST',
        path: `/containers/${this.id}/kill`,
        query: { signal },
        timeoutMs,
        isRepeatable: true,
      });
    } catch (error) {
      if (!hasStatus(error, 404, 409)) throw error;
    }
  }
}
