import { type Target, holds } from "../engine/target.ts";
import { frameOf, writeFrame } from "../grammar/frames.ts";
import {
  type Action,
  type Operation,
  SETTINGS,
  parseProgram,
  programMutators,
  simplerPrograms,
} from "../grammar/program.ts";
import { runIsolated, turns } from "../harness/run.ts";
import { behaving } from "./close/behaviours.ts";
import { checkClient } from "./close/checks.ts";
import { TERMINATIONS } from "./close/messages.ts";
import { Simulation } from "./close/simulation.ts";

/** The maximum number of actions that are run. */
const MAX_ACTIONS = 200;

/** Timeouts for `wss.terminate`, in seconds. */
const TIMEOUTS: readonly (number | undefined)[] = [undefined, 0, 0.5, 5];

/** Amounts of time that pass, in milliseconds. */
const TICKS: readonly number[] = [1, 100, 1000, 4999, 5000, 10_000, 31_000, 60_000];

/** A connection from its start to its end: whatever the peer, the stream and the handler do, the callbacks are called as documented. */
export const close: Target = {
  name: "close",
  notation: "hex",
  maxLength: 2048,
  batch: 32,
  mutators: programMutators,
  simpler: simplerPrograms,
  run: (input) =>
    runIsolated(async (clock) => {
      const actions = parseProgram(input).slice(0, MAX_ACTIONS);
      // The first bytes may arrive together with the request.
      const early = (input[0] ?? 0) >= 0x80 && actions[0]?.operation === "arrive" ? actions.shift() : undefined;
      const simulation = new Simulation(clock, input.subarray(0, SETTINGS), early?.args ?? Buffer.alloc(0));
      for (const action of actions) {
        const pending = PERFORM[action.operation](simulation, action);
        if (pending instanceof Promise) await pending;
        checkSimulation(simulation);
      }
      await simulation.finish();
      for (const client of simulation.clients) checkClient(client, simulation.options, simulation.undisturbed);
    }),
};

/** Checks what must be true after each action. */
function checkSimulation({ wss, clients }: Simulation): void {
  for (const client of clients) client.checkReadAhead();
  const listed = [...wss.connections];
  const open = clients.filter(({ ws }) => ws !== undefined && ws.status !== "Closed");
  holds(
    listed.length === open.length && open.every(({ ws }) => listed.includes(ws as (typeof listed)[number])),
    "wss.connections does not have exactly the connections that are not closed",
  );
  for (const { ws } of open) {
    const waiting = ws?.bufferedAmount ?? 0;
    holds(Number.isSafeInteger(waiting) && waiting >= 0, "bufferedAmount is not a number of bytes", waiting);
  }
}

type Perform = (simulation: Simulation, action: Action) => unknown;

const PERFORM: Readonly<Record<Operation, Perform>> = {
  arrive: ({ current }, { args }) => {
    current.arrive(args);
  },
  message: ({ current }, { args: [kind = 0, size = 0] }) => {
    current.arrive(wellFormed(kind, size));
  },
  peerClose: ({ current }, { args }) => {
    current.arrive(writeFrame(frameOf(0x88, args.subarray(0, 125), Buffer.alloc(4))));
  },
  peerEnd: ({ current }) => {
    current.endedEarly = true;
    current.end();
  },
  peerReset: (simulation) => {
    simulation.undisturbed = false;
    simulation.current.wire.reset();
  },
  send: (simulation, { args: [which = 0] }) => {
    simulation.send(simulation.current, which);
  },
  broadcast: (simulation, { args: [which = 0, except = 0] }) => {
    simulation.broadcast((except & 1) === 0 ? undefined : simulation.current, which);
  },
  terminate: (simulation, { args: [which = 0] }) => {
    const [code, message] = TERMINATIONS[which % TERMINATIONS.length] ?? [];
    simulation.terminate(simulation.current, code, message);
  },
  stick: ({ current }) => {
    current.wire.stick();
  },
  flow: ({ current }) => {
    current.wire.flow();
  },
  takeOne: ({ current }) => {
    current.wire.takeOne();
  },
  behave: (simulation, { args }) => {
    const { handler } = simulation.current;
    handler.behave = behaving(simulation, simulation.current, handler.behave, args);
  },
  settle: (simulation, { args: [how = 0] }) => {
    simulation.settle(how);
    return turns(1);
  },
  turn: (_simulation, { args: [times = 0] }) => turns(1 + (times & 3)),
  tick: (simulation, { args: [which = 0] }) => {
    simulation.tick(TICKS[which % TICKS.length] ?? 1);
  },
  connect: (simulation, { args }) => {
    simulation.connect(args);
  },
  select: (simulation, { args: [which = 0] }) => {
    simulation.current = simulation.clients[which % simulation.clients.length] ?? simulation.current;
  },
  terminateServer: (simulation, { args: [which = 0] }) => {
    simulation.terminateServer(TIMEOUTS[which % TIMEOUTS.length]);
  },
  streamFails: (simulation) => {
    simulation.undisturbed = false;
    simulation.current.wire.destroy(Object.assign(new Error("write EPIPE"), { code: "EPIPE", errno: -32 }));
  },
  ask: ({ wss }) => {
    holds(
      wss.connections.map(({ id }) => id).every((id) => wss.connections.get(id)?.id === id),
      "connections.get returns another connection",
    );
  },
};

/** Sizes of messages: short ones, some of several chunks, and some near the limit of bytes that are read ahead. */
const SIZES: readonly number[] = [0, 5, 125, 126, 1000, 16_000, 65_535, 65_536, 70_000];

/** A valid frame: text, binary, JSON, a ping or a pong. */
function wellFormed(kind: number, size: number): Buffer {
  const key = Buffer.from([kind, size, 3, 4]);
  const length = SIZES[size % SIZES.length] ?? 0;
  const payload = Buffer.alloc(length, 0x20);
  if (kind % 8 === 2) payload.write("[1]");
  const first = [0x81, 0x82, 0x81, 0x89, 0x8a, 0x01, 0x80, 0x02][kind % 8] ?? 0x81;
  return writeFrame(frameOf(first, first === 0x89 || first === 0x8a ? payload.subarray(0, 125) : payload, key));
}
