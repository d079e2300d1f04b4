import { execa } from 'execa';

/** How to run a broker's `rabbitmqctl`. Plain data, so that it can be passed to another process. */
export interface ControlCoordinates {
  /** The command that runs `rabbitmqctl`. Each call takes about half a second. */
  readonly command: readonly string[];
  /** The environment in which `rabbitmqctl` finds its node and its cookie. */
  readonly env: Readonly<Record<string, string>>;
  /** The path of the definitions file for `rabbitmqctl`. */
  readonly definitions: string;
}

export interface QueueSeen {
  readonly name: string;
  /** The number of ready and unacknowledged messages. */
  readonly messages: number;
  readonly messages_unacknowledged: number;
  readonly consumers: number;
}

export interface ConnectionSeen {
  /** In the format of `rabbitmqctl close_connection`. */
  readonly pid: string;
  readonly user: string;
  /** `connection_name` from the client's properties, if any. */
  readonly connectionName: string | undefined;
}

/** Resource usage of a broker. */
export interface BrokerUsage {
  /** Resident memory in bytes, as the broker itself reports it. */
  readonly memoryBytes: number;
  /** CPU time of all its schedulers since its start, in ms. */
  readonly cpuMs: number;
}

/** An operator's view of a broker. */
export interface BrokerControl {
  queues(): Promise<QueueSeen[]>;
  connections(): Promise<ConnectionSeen[]>;
  readonly usage: () => Promise<BrokerUsage>;
  /** Closes connections from the broker's side (320). Returns how many. */
  closeConnections(which: (connection: ConnectionSeen) => boolean): Promise<number>;
  /** Deletes a user. This closes the user's connections, as a change of the password does in Pulse. */
  deleteUser(name: string): Promise<void>;
  /** Restores the users and permissions of definitions.json. */
  restoreUsers(): Promise<void>;
  /** Raises or clears the memory alarm, which blocks every connection that publishes. */
  memoryAlarm(raised: boolean): Promise<void>;
  /** Closes the port and every connection. Durable queues, exchanges and messages remain. */
  stop(): Promise<void>;
  /** Opens the port again. Settles when clients can connect. */
  start(): Promise<void>;
}

/**
 * Controls a broker from any process of this machine.
 *
 * Tests that share a broker may only read from it and close their own connections. A test that affects other tests
 * needs its own broker (`startOwnBroker`).
 */
export function brokerControl(coordinates: ControlCoordinates): BrokerControl {
  const [program = '', ...prefix] = coordinates.command;

  async function run(...args: string[]): Promise<string> {
    const { stdout } = await execa(program, [...prefix, '--quiet', ...args], {
      env: coordinates.env,
      timeout: 60_000,
    });
    return stdout;
  }
  async function connections(): Promise<ConnectionSeen[]> {
    // The JSON formatter writes pids in a format that `close_connection` does not accept.
    const table = await run('list_connections', '--no-table-headers', 'pid', 'user', 'client_properties');
    return table
      .split('\n')
      .filter(line => line !== '')
      .map(line => {
        const [pid = '', user = '', properties = ''] = line.split('\t');
        return { pid, user, connectionName: /\{"connection_name","([^"]*)"\}/.exec(properties)?.[1] };
      });
  }

  return {
    async queues() {
      const columns = ['name', 'messages', 'messages_unacknowledged', 'consumers'];
      return JSON.parse(await run('list_queues', '--formatter', 'json', ...columns)) as QueueSeen[];
    },
    connections,
    async usage() {
      // `runtime` is the CPU time of the whole Erlang VM.
      const expression =
        'io_lib:format("~b ~b", [vm_memory_monitor:get_process_memory(), element(1, erlang:statistics(runtime))]).';
      const [memoryBytes = 0, cpuMs = 0] = (await run('eval', expression)).match(/\d+/g)?.map(Number) ?? [];
      return { memoryBytes, cpuMs };
    },
    async closeConnections(which) {
      const chosen = (await connections()).filter(which);
      await Promise.all(chosen.map(({ pid }) => run('close_connection', pid, 'closed by a test')));
      return chosen.length;
    },
    async deleteUser(name) {
      await run('delete_user', name);
    },
    async restoreUsers() {
      await run('import_definitions', coordinates.definitions);
    },
    async memoryAlarm(raised) {
      await run('set_vm_memory_high_watermark', raised ? '0' : '0.8');
    },
    async stop() {
      await run('stop_app');
    },
    async start() {
      await run('start_app');
    },
  };
}
