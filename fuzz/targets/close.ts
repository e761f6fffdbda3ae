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
import { inWorld, turns } from "../world/run.ts";
import { behaving } from "./close/behaviours.ts";
import { checkClient } from "./close/checks.ts";
import { TERMINATIONS } from "./close/messages.ts";
import { World } from "./close/world.ts";

/** Actions of a program that are run at most. */
const MAX_ACTIONS = 200;

/** Seconds that `wss.terminate` gives the peers. */
const PATIENCE: readonly (number | undefined)[] = [undefined, 0, 0.5, 5];

/** Milliseconds that pass. */
const TICKS: readonly number[] = [1, 100, 1000, 4999, 5000, 10_000, 31_000, 60_000];

/** A connection's whole life: whatever the peer, the stream and the handler do, the callbacks come as promised. */
export const close: Target = {
  name: "close",
  notation: "hex",
  maxLength: 2048,
  batch: 32,
  mutators: programMutators,
  simpler: simplerPrograms,
  run: (input) =>
    inWorld(async (clock) => {
      const actions = parseProgram(input).slice(0, MAX_ACTIONS);
      // What arrives first may come in together with the request.
      const early = (input[0] ?? 0) >= 0x80 && actions[0]?.operation === "arrive" ? actions.shift() : undefined;
      const world = new World(clock, input.subarray(0, SETTINGS), early?.args ?? Buffer.alloc(0));
      for (const action of actions) {
        const waiting = PERFORM[action.operation](world, action);
        if (waiting instanceof Promise) await waiting;
        checkWorld(world);
      }
      await world.finish();
      for (const client of world.clients) checkClient(client, world.options, world.calm);
    }),
};

/** What holds between any two actions. */
function checkWorld({ wss, clients }: World): void {
  for (const client of clients) client.checkReadAhead();
  const listed = [...wss.connections];
  const living = clients.filter(({ ws }) => ws !== undefined && ws.status !== "Closed");
  holds(
    listed.length === living.length && living.every(({ ws }) => listed.includes(ws as (typeof listed)[number])),
    "wss.connections are others than those that are not closed",
  );
  for (const { ws } of living) {
    const waiting = ws?.bufferedAmount ?? 0;
    holds(Number.isSafeInteger(waiting) && waiting >= 0, "bufferedAmount is no number of bytes", waiting);
  }
}

type Perform = (world: World, action: Action) => unknown;

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
  peerReset: (world) => {
    world.calm = false;
    world.current.wire.reset();
  },
  send: (world, { args: [which = 0] }) => {
    world.send(world.current, which);
  },
  broadcast: (world, { args: [which = 0, except = 0] }) => {
    world.broadcast((except & 1) === 0 ? undefined : world.current, which);
  },
  terminate: (world, { args: [which = 0] }) => {
    const [code, message] = TERMINATIONS[which % TERMINATIONS.length] ?? [];
    world.terminate(world.current, code, message);
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
  behave: (world, { args }) => {
    const { handler } = world.current;
    handler.behave = behaving(world, world.current, handler.behave, args);
  },
  settle: (world, { args: [how = 0] }) => {
    world.settle(how);
    return turns(1);
  },
  turn: (_world, { args: [times = 0] }) => turns(1 + (times & 3)),
  tick: (world, { args: [which = 0] }) => {
    world.tick(TICKS[which % TICKS.length] ?? 1);
  },
  connect: (world, { args }) => {
    world.connect(args);
  },
  select: (world, { args: [which = 0] }) => {
    world.current = world.clients[which % world.clients.length] ?? world.current;
  },
  goDown: (world, { args: [which = 0] }) => {
    world.goDown(PATIENCE[which % PATIENCE.length]);
  },
  streamFails: (world) => {
    world.calm = false;
    world.current.wire.destroy(Object.assign(new Error("write EPIPE"), { code: "EPIPE", errno: -32 }));
  },
  ask: ({ wss }) => {
    holds(
      wss.connections.map(({ id }) => id).every((id) => wss.connections.get(id)?.id === id),
      "get finds another",
    );
  },
};

/** Sizes of messages: a short one, one that takes more than one chunk, and around the amount that is read ahead. */
const SIZES: readonly number[] = [0, 5, 125, 126, 1000, 16_000, 65_535, 65_536, 70_000];

/** A frame with which nothing is wrong: text, binary, JSON, a ping or a pong. */
function wellFormed(kind: number, size: number): Buffer {
  const key = Buffer.from([kind, size, 3, 4]);
  const length = SIZES[size % SIZES.length] ?? 0;
  const payload = Buffer.alloc(length, 0x20);
  if (kind % 8 === 2) payload.write("[1]");
  const first = [0x81, 0x82, 0x81, 0x89, 0x8a, 0x01, 0x80, 0x02][kind % 8] ?? 0x81;
  return writeFrame(frameOf(first, first === 0x89 || first === 0x8a ? payload.subarray(0, 125) : payload, key));
}
