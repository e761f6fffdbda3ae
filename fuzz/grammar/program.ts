import type { Random } from "../engine/random.ts";
import type { Mutator } from "../engine/target.ts";
import { closeBody } from "./close-body.ts";
import { writeFrame } from "./frames.ts";
import { anyFrame, mutateStream, simplerStreams } from "./mutate-frames.ts";

/** Everything that can happen to a connection in memory: by the peer, by us, or by the stream. */
export const OPERATIONS = [
  "arrive",
  "message",
  "peerClose",
  "peerEnd",
  "peerReset",
  "send",
  "broadcast",
  "terminate",
  "stick",
  "flow",
  "takeOne",
  "behave",
  "settle",
  "turn",
  "tick",
  "connect",
  "select",
  "terminateServer",
  "streamFails",
  "ask",
] as const;

/** One of these. */
export type Operation = (typeof OPERATIONS)[number];

/** A step of a program, and its arguments: bytes that arrive, or indexes in tables. */
export interface Action {
  readonly operation: Operation;
  readonly args: Buffer;
}

/** The number of bytes before the actions of a program: its settings. */
export const SETTINGS = 3;

/** The maximum number of bytes of an action's arguments: one byte holds the number. */
const MAX_ARGS = 255;

/** Reads a program: each action is a byte for its operation, the number of its arguments, and the arguments. Never fails. */
export function parseProgram(input: Buffer): Action[] {
  const actions: Action[] = [];
  for (let at = SETTINGS; at < input.length;) {
    const operation = OPERATIONS[input.readUInt8(at) % OPERATIONS.length] ?? "turn";
    const start = at + 2;
    const end = start + (at + 1 < input.length ? input.readUInt8(at + 1) : 0);
    actions.push({ operation, args: input.subarray(start, end) });
    at = end;
  }
  return actions;
}

/** Writes the settings and the actions of a program. */
export function writeProgram(settings: Buffer, actions: readonly Action[]): Buffer {
  const written = actions.map(({ operation, args }) => {
    const cut = args.subarray(0, MAX_ARGS);
    return Buffer.concat([Buffer.from([OPERATIONS.indexOf(operation), cut.length]), cut]);
  });
  return Buffer.concat([settings, ...written]);
}

/** Simpler programs: without one of the actions, or with simpler frames in one. */
export function* simplerPrograms(input: Buffer): Generator<Buffer> {
  const settings = settingsOf(input);
  const actions = parseProgram(input);
  for (const i of actions.keys())
    yield writeProgram(
      settings,
      actions.filter((_, k) => k !== i),
    );
  for (const [i, action] of actions.entries()) {
    if (action.operation !== "arrive") continue;
    for (const args of simplerStreams(action.args)) yield writeProgram(settings, actions.with(i, { ...action, args }));
  }
}

/** Mutators for programs. */
export const programMutators: readonly Mutator[] = [
  onActions(insert),
  onActions(insert),
  onActions(insert),
  onActions((actions, random) => void actions.splice(random.below(actions.length), random.oneIn(4) ? 3 : 1)),
  onActions((actions, random) => void actions.push(...actions.splice(random.below(actions.length), 1))),
  onActions((actions, random) => {
    actions.splice(random.below(actions.length + 1), 0, ...actions.slice(random.below(actions.length)).slice(0, 4));
  }),
  onActions((actions, random, other) => {
    const start = random.below(other.length);
    actions.splice(random.below(actions.length + 1), 0, ...other.slice(start, start + random.between(1, 8)));
  }),
  onActions(changeArguments),
  onActions(changeArguments),
  onActions(changeFrames),
  onActions(changeFrames),
  changeSettings,
];

function settingsOf(input: Buffer): Buffer {
  return Buffer.concat([input, Buffer.alloc(SETTINGS)]).subarray(0, SETTINGS);
}

/** Makes a mutator from a function that changes the list of actions in place. */
function onActions(change: (actions: Action[], random: Random, other: readonly Action[]) => void): Mutator {
  return (input, random, other) => {
    const actions = parseProgram(input);
    change(actions, random, parseProgram(other));
    return writeProgram(settingsOf(input), actions);
  };
}

function insert(actions: Action[], random: Random): void {
  actions.splice(random.below(actions.length + 1), 0, anyAction(random));
}

function anyAction(random: Random): Action {
  const operation = random.pick(OPERATIONS);
  const key = random.oneIn(2) ? Buffer.alloc(4) : random.bytes(4);
  if (operation === "arrive") return { operation, args: writeFrame(anyFrame(random, key)) };
  if (operation === "peerClose") return { operation, args: closeBody(random) };
  return { operation, args: random.bytes(2).map((byte) => byte & 0x1f) as Buffer };
}

function changeArguments(actions: Action[], random: Random): void {
  const at = random.below(actions.length);
  const action = actions[at];
  if (action === undefined || action.args.length === 0 || action.operation === "arrive") return;
  const args = Buffer.from(action.args);
  args.writeUInt8(random.below(32), random.below(args.length));
  actions[at] = { ...action, args };
}

/** Mutates the frames of a chunk that arrives, or cuts the chunk into two. */
function changeFrames(actions: Action[], random: Random): void {
  const arriving = [...actions.entries()].filter(([, { operation }]) => operation === "arrive");
  if (arriving.length === 0) return;
  const [at, action] = random.pick(arriving);
  if (random.oneIn(4)) {
    const cut = random.below(action.args.length + 1);
    actions.splice(
      at,
      1,
      { ...action, args: action.args.subarray(0, cut) },
      { ...action, args: action.args.subarray(cut) },
    );
  } else actions[at] = { ...action, args: mutateStream(action.args, random, random.pick(arriving)[1].args) };
}

function changeSettings(...[input, random]: Parameters<Mutator>): Buffer {
  const settings = Buffer.from(settingsOf(input));
  settings.writeUInt8(random.below(256), random.below(SETTINGS));
  return Buffer.concat([settings, input.subarray(SETTINGS)]);
}
