import { HawserError } from "../../src/hawser.ts";
import { readTopicRequest } from "../../src/topics/topic-request.ts";
import { type Mutator, type RunContext, type Target, holds } from "../engine/target.ts";

/** The length to which an input is repeated before its steps are counted. */
const LONG = 4096;

/** Steps that may be taken for each character, and for any input. */
const STEPS = 20;
const FIXED_STEPS = 1_000;

/** The most messages that a request asks for. */
const MAX_LAST = 10_000;

/** The parser of what a client sends to subscribe: it is compared with another one, and is linear in the length of its input. */
export const topicRequest: Target = {
  name: "topic-request",
  notation: "text",
  maxLength: 512,
  batch: 1,
  mutators: [mutateField, mutateField, mutateTopic],
  run(input, context) {
    const text = `\x1e${new TextDecoder().decode(input)}`;
    const read = readOrUndefined(text);
    const expected = expectedOf(text);
    holds(JSON.stringify(read) === JSON.stringify(expected), "a request is read wrongly", { text, read, expected });
    checkSteps(text, context);
  },
};

/** What a request asks for; undefined: it is none, and the documented error was thrown. */
function readOrUndefined(text: string): unknown {
  try {
    const { isSubscribe, topic, since, last } = readTopicRequest(text);
    return { isSubscribe, topic, since, last };
  } catch (error) {
    holds(
      error instanceof HawserError && error.code === "HWS_TOPIC_FRAME",
      "an error is thrown that is not documented",
      String(error),
    );
    return undefined;
  }
}

/** The same, read field by field. */
function expectedOf(text: string): unknown {
  const end = text.indexOf("\n");
  if (end !== text.length - 1) return undefined;
  const [kind, since, last, ...words] = text.slice(1, end).split(" ");
  const topic = words.join(" ");
  if (since === undefined || since === "" || last === undefined || words.length === 0 || !isName(topic))
    return undefined;
  if (kind === "u") return since === "-" && last === "-" ? { isSubscribe: false, topic } : undefined;
  if (kind !== "s" || !isCount(last)) return undefined;
  const count = last === "-" ? {} : { last: Number(last) > MAX_LAST ? MAX_LAST : Number(last) };
  return { isSubscribe: true, topic, ...(since === "-" ? {} : { since: since.slice(0, 65) }), ...count };
}

function isCount(text: string): boolean {
  if (text === "-") return true;
  for (const one of text) if (one < "0" || one > "9") return false;
  return text !== "" && !text.startsWith("0");
}

function isName(topic: string): boolean {
  const size = new TextEncoder().encode(topic).length;
  for (const one of topic) if (one < " " || (one >= "\x7f" && one <= "\x9f")) return false;
  return size >= 1 && size <= 255;
}

/** A request that is not linear takes thousands of steps for each character. */
function checkSteps(text: string, { steps }: RunContext): void {
  if (steps === undefined) return;
  const long = text.repeat(Math.ceil(LONG / text.length));
  const taken = steps(() => void readOrUndefined(long));
  const allowed = FIXED_STEPS + STEPS * long.length;
  holds(taken <= allowed, "the number of steps to read a request is not linear in its length", { taken, allowed });
}

const FIELDS = [
  "s",
  "u",
  "-",
  "",
  "0",
  "1",
  "10000",
  "10001",
  "m",
  "\x1e",
  "\n",
  "-1",
  "1e3",
  "AbCd-_12.1z.-",
] as const;

/** Replaces one field by another value, or by one of the other input. */
function mutateField(...[input, random, other]: Parameters<Mutator>): Buffer {
  const fields = input.toString("latin1").split(" ");
  const others = other.toString("latin1").split(" ");
  fields[random.below(fields.length)] = random.oneIn(2) ? random.pick(FIELDS) : random.pick(others);
  return Buffer.from(fields.join(" "), "latin1");
}

/** Puts something around the topic. */
function mutateTopic(...[input, random]: Parameters<Mutator>): Buffer {
  const text = input.toString("latin1");
  const part = random.pick([
    "é".repeat(random.below(130)),
    "a".repeat(random.below(260)),
    "\ud83d\ude00",
    "\x7f",
    "\x85",
  ]);
  return Buffer.from(random.oneIn(2) ? text.replace("\n", `${part}\n`) : `${text}${part}`);
}
