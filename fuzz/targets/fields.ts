import { parseExtensions } from "../../src/handshake/rules/extensions.ts";
import { HandshakeHeaders } from "../../src/handshake/rules/headers.ts";
import { isKey } from "../../src/handshake/rules/key.ts";
import { isSameOrigin, originRule } from "../../src/handshake/rules/origin.ts";
import type { ConnectionRequest } from "../../src/handshake/request.ts";
import { parseTarget } from "../../src/handshake/rules/target.ts";
import { hasToken, isToken, listElements } from "../../src/handshake/rules/tokens.ts";
import { InvalidArgumentError } from "../../src/hawser.ts";
import { type Mutator, type RunContext, type Target, holds } from "../engine/target.ts";
import { mutateRequest } from "../grammar/mutate-request.ts";
import { fieldOf } from "../grammar/request.ts";
import { connectionRequest } from "../../test/support/connection-request.ts";

/** The length to which a value is repeated before its steps are counted: a quarter of the limit of all headers. */
const LONG = 4096;

/** Steps that all functions together may take for each character. A function that is not linear takes thousands. */
const STEPS = 200;

/** Steps that do not depend on the length. */
const FIXED_STEPS = 10_000;

/** The parsers of the handshake's headers and target: pure functions, each linear in the length of its input. */
export const fields: Target = {
  name: "fields",
  notation: "text",
  maxLength: 512,
  batch: 1,
  mutators: [mutateValue, mutateValue, mutateValue, replaceValue],
  run(input, context) {
    const value = input.toString("latin1");
    for (const read of READERS) read(value);
    checkSteps(value, context);
  },
};

const rule = originRule(["https://example.com", "https://*.example.com", "chrome-extension://abc", "null", "same"]);

/** A check for each function: it calls the function and tests the result. */
const READERS: readonly ((value: string) => void)[] = [
  checkExtensions,
  checkList,
  checkTarget,
  checkOrigin,
  checkOrigins,
  checkFields,
];

/** Counts the steps of all functions together: each count costs more time than the functions. */
function checkSteps(value: string, { steps }: RunContext): void {
  if (steps === undefined || value === "") return;
  const long = value.repeat(Math.ceil(LONG / value.length));
  const taken = steps(() => {
    for (const read of READERS) read(long);
  });
  const allowed = FIXED_STEPS + STEPS * long.length;
  holds(taken <= allowed, "the number of steps to read a header is not linear in its length", { taken, allowed });
}

function checkExtensions(value: string): void {
  const offers = parseExtensions(value);
  if (offers === undefined) return;
  const tokens = offers.flatMap(({ name, parameters }) => [name, ...parameters.flat().filter((one) => one !== true)]);
  holds(
    tokens.every((token) => typeof token === "string" && isToken(token)),
    "an extension is returned that is not a token",
    tokens,
  );
  const written = offers.map(({ name, parameters }) =>
    [name, ...parameters.map(([key, given]) => (given === true ? key : `${key}="${given}"`))].join("; "),
  );
  holds(
    JSON.stringify(parseExtensions(written.join(", "))) === JSON.stringify(offers),
    "extensions change when they are written and read again",
    written,
  );
}

function checkList(value: string): void {
  const elements = listElements(value);
  holds(
    elements.every((one) => one !== "" && one === one.trim() && !one.includes(",")),
    "an element of a list is not valid",
    elements,
  );
  holds(elements.join("").length <= value.length, "a list has more characters than its text");
  for (const one of elements.slice(0, 3)) {
    holds(hasToken(value, one.toLowerCase()), "a list lacks one of its elements", one);
    holds(!isToken(one) || /^[\x21-\x7e]+$/.test(one), "a token is not valid", one);
  }
  holds(!isKey(value) || Buffer.from(value, "base64").length === 16, "a key is not 16 bytes", value);
}

function checkTarget(value: string): void {
  const target = parseTarget(value);
  if (target === undefined) return;
  const { path, search } = target;
  holds(path.startsWith("/") && !/[?#]/.test(path) && !search.includes("#"), "a target is parsed wrongly", target);
  holds(
    value.endsWith(`${path}?${search}`) ||
      (search === "" && value.endsWith(path)) ||
      /^[a-z]+:\/\/[^/]*\??/i.test(value),
    "a target has text that was not sent",
    target,
  );
}

/** An origin of another host must not be allowed. */
function checkOrigin(value: string): void {
  const request = requestTo("example.com");
  if (!rule(value, request) || value === "null") return;
  const host = /^(?:https?|wss?|chrome-extension|[a-z][a-z0-9+.-]*):\/\/([^/?#@\\\s]+)$/i
    .exec(value)?.[1]
    ?.toLowerCase();
  holds(host !== undefined, "a text is allowed that is not an origin", value);
  const name = new URL(`https://${host}`).hostname;
  holds(
    name === "example.com" || name.endsWith(".example.com") || host === "abc",
    "an origin is allowed that is not in the list",
    value,
  );
}

/** Any list of origins and any Host: only a documented error may be thrown. */
function checkOrigins(value: string): void {
  isSameOrigin("https://example.com", requestTo(value));
  isSameOrigin(value, requestTo(value));
  try {
    originRule([value]);
  } catch (error) {
    holds(error instanceof InvalidArgumentError, "originRule throws an error that is not documented", String(error));
  }
}

function checkFields(value: string): void {
  const raw = value.split(/[:\r\n]/);
  const read = new HandshakeHeaders(raw);
  holds(
    read.byteLength >= 0 && read.byteLength <= value.length + raw.length * 4,
    "headers count more bytes than were sent",
  );
  for (const name of ["host", "origin", "upgrade", "connection"] as const) {
    const values = raw.filter((_, i) => i % 2 === 1 && raw[i - 1]?.toLowerCase() === name);
    holds(
      read.single(name) === (values.length === 1 ? values[0] : undefined),
      "a header that was sent once has a wrong value",
      name,
    );
    holds(
      read.list(name) === (values.length === 0 ? undefined : values.join(", ")),
      "the lines of a header are joined wrongly",
      name,
    );
  }
}

function requestTo(host: string): ConnectionRequest {
  return connectionRequest({ headers: { host } });
}

/** Mutates the input as the value of a header. */
function mutateValue(...[input, random, other]: Parameters<Mutator>): Buffer {
  const text = mutateRequest(
    `GET / HTTP/1.1\r\nx:${input.toString("latin1")}`,
    random,
    `GET / HTTP/1.1\r\nx:${other.toString("latin1")}`,
  );
  const [, ...lines] = text.split("\r\n");
  return Buffer.from((lines[random.below(lines.length)] ?? "").replace(/^x:/, ""), "latin1");
}

/** Replaces the input by another value: of a header that the handshake reads, or a target. */
function replaceValue(...[, random]: Parameters<Mutator>): Buffer {
  const [line = "", ...lines] = mutateRequest("GET / HTTP/1.1\r\nHost: a\r\nOrigin: b", random, "").split("\r\n");
  const value = random.oneIn(3) ? (line.split(" ")[1] ?? "") : fieldOf(random.pick(lines))[1];
  return Buffer.from(value, "latin1");
}
