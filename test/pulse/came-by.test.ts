import { firstValueFrom, type Observable } from 'rxjs';
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  queueExchanges,
  type TaskCompletedMessage,
  type TaskFailedMessage,
} from '../../src/exchanges/index.ts';
import {
  binding,
  handle,
  namedQueue,
  type Binding,
  type HandleResult,
  type PulseMessage,
} from '../../src/pulse/index.ts';
import { connectToMemory, MemoryBroker } from '../../src/pulse/testing.ts';

interface Created {
  readonly id: number;
}
/** One that is a `Created` too, as far as the compiler knows. */
interface Renamed {
  readonly id: number;
  readonly name: string;
}

/** Lets the compiler look at what is known of messages. Nothing runs. */
function typed<T>(_items$: Observable<T>, _look: (item: T) => unknown): void {
  // It is compiled by the check, with all tests.
}

describe("the type of a message's body", () => {
  const exchange = 'exchange/me/typed';
  const spec = namedQueue('typed', { maxLength: 10 });
  const pulse = connectToMemory(new MemoryBroker(), 'me');
  const created = binding<Created>(exchange, 'created');
  const renamed = binding<Renamed>(exchange, 'renamed');
  const anything = binding(exchange, 'anything');
  const completed = queueExchanges.taskCompleted();
  const failed = queueExchanges.taskFailed();

  it('is known after a check with cameBy', async () => {
    const messages$ = pulse.consume({ queue: spec, bindings: [created, renamed] });
    await pulse.declareExchange(exchange);
    await pulse.queue(spec).declare([created, renamed]);
    await pulse.publish(exchange, 'renamed', { id: 1, name: 'one' });
    const message = await firstValueFrom(messages$);
    await pulse.close(0);

    expect(message.cameBy(created)).toBe(false);
    if (message.cameBy(created)) expectTypeOf(message.body).toEqualTypeOf<Created>();
    else expectTypeOf(message.body).toEqualTypeOf<Renamed>();
    if (message.cameBy(renamed)) expectTypeOf(message.body).toEqualTypeOf<Renamed>();
    else expectTypeOf(message.body).toEqualTypeOf<Created>();
  });

  it('is known for bindings with similar bodies', () => {
    typed(pulse.consume({ queue: spec, bindings: [completed, failed] }), message => {
      if (message.cameBy(completed)) expectTypeOf(message.body).toEqualTypeOf<TaskCompletedMessage>();
      else expectTypeOf(message.body.status.taskId).toEqualTypeOf<string>();
      if (message.cameBy(failed)) expectTypeOf(message.body).toEqualTypeOf<TaskFailedMessage>();
      else expectTypeOf(message.body.status.taskId).toEqualTypeOf<string>();
    });
  });

  it('is known for two bindings of one type and one of another', () => {
    const again = binding<Created>(exchange, 'again');
    typed(pulse.consume({ queue: spec, bindings: [created, renamed, again] }), message => {
      if (message.cameBy(created)) expectTypeOf(message.body).toEqualTypeOf<Created>();
      else if (message.cameBy(again)) expectTypeOf(message.body).toEqualTypeOf<Created>();
      else expectTypeOf(message.body).toEqualTypeOf<Created | Renamed>();
      if (message.cameBy(renamed)) expectTypeOf(message.body).toEqualTypeOf<Renamed>();
      else expectTypeOf(message.body).toEqualTypeOf<Created>();
    });
  });

  it('is known even next to an untyped binding', () => {
    typed(pulse.consume({ queue: spec, bindings: [created, anything] }), message => {
      if (message.cameBy(created)) expectTypeOf(message.body).toEqualTypeOf<Created>();
      else expectTypeOf(message.body).toEqualTypeOf<unknown>();
      if (message.cameBy(anything)) expectTypeOf(message.body).toEqualTypeOf<unknown>();
      else expectTypeOf(message.body).toEqualTypeOf<Created>();
    });
  });

  it('is known for a list of bindings that was created elsewhere', () => {
    const list: readonly (Binding<Created> | Binding<Renamed>)[] = [created, renamed];
    typed(pulse.consume({ queue: spec, bindings: list }), message => {
      if (message.cameBy(created)) expectTypeOf(message.body).toEqualTypeOf<Created>();
      else if (message.cameBy(renamed)) expectTypeOf(message.body.name).toEqualTypeOf<string>();
      else expectTypeOf(message.body).toEqualTypeOf<Created>();
    });
    const alike = list.length > 1 ? [completed] : [failed];
    typed(pulse.consume({ queue: spec, bindings: alike }), message => {
      if (message.cameBy(completed)) expectTypeOf(message.body.runId).toEqualTypeOf<number>();
      else expectTypeOf(message.body.runId).toEqualTypeOf<number>();
    });
  });

  it('is known in a handler, and in code that accepts any message', () => {
    const seen = (message: PulseMessage) => message.body;
    const handling = pulse.consume({ queue: spec, bindings: [created, renamed] }).pipe(
      handle(message => {
        if (message.cameBy(created)) expectTypeOf(message.body).toEqualTypeOf<Created>();
        else expectTypeOf(message.body).toEqualTypeOf<Renamed>();
        seen(message);
      }),
    );
    typed(handling, result => {
      expectTypeOf(result).toExtend<HandleResult<PulseMessage>>();
      expectTypeOf(result).toExtend<HandleResult<PulseMessage<Created> | PulseMessage<Renamed>>>();
    });
  });

  it('is that of the binding if there is only one, and unknown if there is none', () => {
    const one$ = pulse.consume({ queue: spec, bindings: [created] });
    expectTypeOf(one$).toEqualTypeOf<Observable<PulseMessage<Created>>>();
    const none$ = pulse.consume({ queue: spec, bindings: [] });
    expectTypeOf(none$).toEqualTypeOf<Observable<PulseMessage>>();
    const many$ = pulse.consume({ queue: spec, bindings: [created] as readonly Binding<Created>[] });
    expectTypeOf(many$).toEqualTypeOf<Observable<PulseMessage<Created>>>();
  });
});
