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

/** Characters of a value at which its steps are counted: a quarter of what all headers may have together. */
const LONG = 4096;

/** Steps that all functions together may take for each character: what is not linear takes thousands. */
const STEPS = 200;

/** Steps that do not depend on the length. */
const STEPS_APART = 10_000;

/** The grammars of the handshake's headers and its target: pure functions, each linear in the length of what it reads. */
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

/** Every pure function, with what must hold of its answer. */
const READERS: readonly ((value: string) => void)[] = [
  checkExtensions,
  checkList,
  checkTarget,
  checkOrigin,
  checkOrigins,
  checkFields,
];

/** All at once, for counting costs more than they do. */
function checkSteps(value: string, { steps }: RunContext): void {
  if (steps === undefined || value === "") return;
  const long = value.repeat(Math.ceil(LONG / value.length));
  const taken = steps(() => {
    for (const read of READERS) read(long);
  });
  const allowed = STEPS_APART + STEPS * long.length;
  holds(taken <= allowed, "reading a header takes more steps than are linear in its length", { taken, allowed });
}

function checkExtensions(value: string): void {
  const offers = parseExtensions(value);
  if (offers === undefined) return;
  const tokens = offers.flatMap(({ name, parameters }) => [name, ...parameters.flat().filter((one) => one !== true)]);
  holds(
    tokens.every((token) => typeof token === "string" && isToken(token)),
    "an extension is offered that is no token",
    tokens,
  );
  const written = offers.map(({ name, parameters }) =>
    [name, ...parameters.map(([key, given]) => (given === true ? key : `${key}="${given}"`))].join("; "),
  );
  holds(
    JSON.stringify(parseExtensions(written.join(", "))) === JSON.stringify(offers),
    "extensions are read in another way when they are written again",
    written,
  );
}

function checkList(value: string): void {
  const elements = listElements(value);
  holds(
    elements.every((one) => one !== "" && one === one.trim() && !one.includes(",")),
    "an element of a list is no element",
    elements,
  );
  holds(elements.join("").length <= value.length, "a list has more in it than came");
  for (const one of elements.slice(0, 3)) {
    holds(hasToken(value, one.toLowerCase()), "a list lacks one of its elements", one);
    holds(!isToken(one) || /^[\x21-\x7e]+$/.test(one), "a token is none", one);
  }
  holds(!isKey(value) || Buffer.from(value, "base64").length === 16, "a key is not 16 bytes", value);
}

function checkTarget(value: string): void {
  const target = parseTarget(value);
  if (target === undefined) return;
  const { path, search } = target;
  holds(path.startsWith("/") && !/[?#]/.test(path) && !search.includes("#"), "a target is taken apart wrongly", target);
  holds(
    value.endsWith(`${path}?${search}`) ||
      (search === "" && value.endsWith(path)) ||
      /^[a-z]+:\/\/[^/]*\??/i.test(value),
    "a target has in it what did not come",
    target,
  );
}

/** What a page of another host must not pass as. */
function checkOrigin(value: string): void {
  const request = requestTo("example.com");
  if (!rule(value, request) || value === "null") return;
  const host = /^(?:https?|wss?|chrome-extension|[a-z][a-z0-9+.-]*):\/\/([^/?#@\\\s]+)$/i
    .exec(value)?.[1]
    ?.toLowerCase();
  holds(host !== undefined, "an origin is allowed that is none", value);
  const name = new URL(`https://${host}`).hostname;
  holds(
    name === "example.com" || name.endsWith(".example.com") || host === "abc",
    "an origin is allowed that is not in the list",
    value,
  );
}

/** A user's list, and a request's Host: nothing but a documented error may come of either. */
function checkOrigins(value: string): void {
  isSameOrigin("https://example.com", requestTo(value));
  isSameOrigin(value, requestTo(value));
  try {
    originRule([value]);
  } catch (error) {
    holds(error instanceof InvalidArgumentError, "originRule throws what is not documented", String(error));
  }
}

function checkFields(value: string): void {
  const raw = value.split(/[:\r\n]/);
  const read = new HandshakeHeaders(raw);
  holds(read.byteLength >= 0 && read.byteLength <= value.length + raw.length * 4, "headers have more bytes than came");
  for (const name of ["host", "origin", "upgrade", "connection"] as const) {
    const values = raw.filter((_, i) => i % 2 === 1 && raw[i - 1]?.toLowerCase() === name);
    holds(
      read.single(name) === (values.length === 1 ? values[0] : undefined),
      "a header that came once is not found, or another",
      name,
    );
    holds(
      read.list(name) === (values.length === 0 ? undefined : values.join(", ")),
      "a header's lines are put together wrongly",
      name,
    );
  }
}

function requestTo(host: string): ConnectionRequest {
  return { headers: { host }, query: {}, url: "/", remoteAddress: "" };
}

/** Mutates the value as that of a header. */
function mutateValue(...[input, random, other]: Parameters<Mutator>): Buffer {
  const text = mutateRequest(
    `GET / HTTP/1.1\r\nx:${input.toString("latin1")}`,
    random,
    `GET / HTTP/1.1\r\nx:${other.toString("latin1")}`,
  );
  const [, ...lines] = text.split("\r\n");
  return Buffer.from((lines[random.below(lines.length)] ?? "").replace(/^x:/, ""), "latin1");
}

/** Another value, of a header that the handshake knows, or a target. */
function replaceValue(...[, random]: Parameters<Mutator>): Buffer {
  const [line = "", ...lines] = mutateRequest("GET / HTTP/1.1\r\nHost: a\r\nOrigin: b", random, "").split("\r\n");
  const value = random.oneIn(3) ? (line.split(" ")[1] ?? "") : fieldOf(random.pick(lines))[1];
  return Buffer.from(value, "latin1");
}
