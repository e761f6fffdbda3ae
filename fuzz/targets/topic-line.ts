import { readTopicLine } from "../../src/client/topics/topic-line.ts";
import { positionOf, readPosition } from "../../src/backplane/position.ts";
import { type Mutator, type RunContext, type Target, holds } from "../engine/target.ts";

/** The length to which an input is repeated before its steps are counted. */
const LONG = 4096;

/** Steps that may be taken for each character, and for any input. */
const STEPS = 20;
const FIXED_STEPS = 1_000;

/** The readers of a header line, at the client, and of a position, at the server. */
export const topicLine: Target = {
  name: "topic-line",
  notation: "text",
  maxLength: 512,
  batch: 1,
  mutators: [mutateField],
  run(input, context) {
    const text = `\x1e${input.toString("latin1")}`;
    checkLine(text);
    for (const field of text.split(" ")) checkPosition(field);
    checkSteps(text, context);
  },
};

/** A text and its bytes are read alike, and nothing of them is lost. */
function checkLine(text: string): void {
  const line = readTopicLine(text);
  const ofBytes = readTopicLine(Buffer.from(text));
  const data = ofBytes === undefined ? undefined : Buffer.from(ofBytes.data as Uint8Array).toString();
  holds(
    JSON.stringify(line) === JSON.stringify(ofBytes && { ...ofBytes, data }),
    "a text and its bytes are read differently",
    { text, line },
  );
  if (line === undefined) return;
  const { kind, position, flag, topic } = line;
  holds(
    `\x1e${kind} ${position ?? "-"} ${flag} ${topic}\n${String(line.data)}` === text,
    "a header line has other fields than its text",
    { text, line },
  );
  holds(position === undefined || position.length <= 64, "a position is kept that is too long", position);
}

/** A position is what `positionOf` writes, apart from zeros before its number. */
function checkPosition(text: string): void {
  const mark = readPosition(text);
  if (mark === undefined) return;
  const written = text.replace(/\.0+(?=[0-9a-z])/, ".");
  holds(positionOf(mark) === written, "a position changes when it is read and written again", { text, mark });
  holds(Number.isSafeInteger(mark.offset) && mark.offset >= 0, "a position has no valid number", mark);
}

/** A reader that is not linear takes thousands of steps for each character. */
function checkSteps(text: string, { steps }: RunContext): void {
  if (steps === undefined) return;
  const long = text.repeat(Math.ceil(LONG / text.length));
  const taken = steps(() => {
    readTopicLine(long);
    readPosition(long);
  });
  const allowed = FIXED_STEPS + STEPS * long.length;
  holds(taken <= allowed, "the number of steps to read a line is not linear in its length", { taken, allowed });
}

const FIELDS = [
  "m",
  "s",
  "u",
  "g",
  "-",
  "",
  "0",
  "1",
  "reset",
  "403",
  "\n",
  "AbCd-_12.1z.-",
  "AbCd-_12.0.-",
  "AbCd-_12.zzzzzzzzzz.AbCd-_12AbCd-_12",
];

/** Replaces one field by another value, or by one of the other input. */
function mutateField(...[input, random, other]: Parameters<Mutator>): Buffer {
  const fields = input.toString("latin1").split(" ");
  const others = other.toString("latin1").split(" ");
  fields[random.below(fields.length)] = random.oneIn(2) ? random.pick(FIELDS) : random.pick(others);
  return Buffer.from(fields.join(" "), "latin1");
}
