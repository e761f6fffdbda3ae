import { MAX_HINT, delayBeforeDial } from "../../src/client/backoff.ts";
import { readProtocols } from "../../src/client/dialing.ts";
import { headerList } from "../../src/client/node/headers.ts";
import { shown } from "../../src/client/node/http-exchange.ts";
import { percentDecoded, proxyOfEnvironment } from "../../src/client/node/proxy-environment.ts";
import { readProxy } from "../../src/client/node/proxy-tunnel.ts";
import { readRetryAfter, readRetryReason } from "../../src/client/retry-hint.ts";
import { readUrl, shownUrl } from "../../src/client/url.ts";
import { InvalidArgumentError } from "../../src/hawser.ts";
import type { Random } from "../engine/random.ts";
import { type Mutator, type RunContext, type Target, holds } from "../engine/target.ts";

/** The length to which a value is repeated before its steps are counted. */
const LONG = 4096;

/** Steps that all functions together may take for each character. A function that is not linear takes thousands. */
const STEPS = 200;

/** Steps that do not depend on the length. */
const FIXED_STEPS = 10_000;

/** A time of `Date.now()`. */
const NOW = Date.UTC(2026, 10, 26);

/** What a client reads of texts that it does not control: `Retry-After`, reasons, URLs, variables of the environment, headers. */
export const clientFields: Target = {
  name: "client-fields",
  notation: "text",
  maxLength: 512,
  batch: 1,
  mutators: [replaceText, joinTexts],
  run(input, context) {
    const value = input.toString("latin1");
    for (const read of READERS) read(value);
    checkSteps(value, context);
  },
};

const READERS: readonly ((value: string) => void)[] = [
  checkRetryAfter,
  checkReason,
  checkUrl,
  checkProxy,
  checkHeader,
  checkShown,
];

function checkSteps(value: string, { steps }: RunContext): void {
  if (steps === undefined || value === "") return;
  const long = value.repeat(Math.ceil(LONG / value.length));
  const taken = steps(() => {
    for (const read of READERS) read(long);
  });
  const allowed = FIXED_STEPS + STEPS * long.length;
  holds(taken <= allowed, "the number of steps to read a text is not linear in its length", { taken, allowed });
}

/** Whatever a server asks for, a client waits for a time that a timer can wait for. */
function checkDelay(hint: number | undefined): void {
  holds(hint === undefined || hint >= 0, "a hint is not a time", hint);
  const settings = { baseDelay: 1_000, maxDelay: 30_000 };
  for (const random of [0, 0.999]) {
    const delay = delayBeforeDial({ failures: 1, code: 1013, hint }, settings, random);
    holds(Number.isInteger(delay) && delay >= 0 && delay <= MAX_HINT * 1.25, "a delay is too long", { hint, delay });
    holds(hint === undefined || delay >= Math.min(Math.floor(hint), MAX_HINT), "a client comes too early", {
      hint,
      delay,
    });
  }
}

function checkRetryAfter(value: string): void {
  const hint = readRetryAfter(value, NOW);
  checkDelay(hint);
  if (/^\d{1,9}$/.test(value)) holds(hint === Number(value) * 1_000, "a number of seconds is read wrongly", value);
  if (!/^\s*[\dA-Z]/.test(value)) holds(hint === undefined, "a text is a time that is none", value);
}

function checkReason(value: string): void {
  for (const code of [1000, 1001, 1012, 1013, 4000]) {
    const hint = readRetryReason(code, value);
    checkDelay(hint);
    const mayHave = [1001, 1012, 1013].includes(code) && value.startsWith("retry-after=");
    holds(mayHave || hint === undefined, "a reason is a hint that is none", { code, value });
  }
}

function checkUrl(value: string): void {
  const url = orRefused(() => readUrl(value, undefined));
  if (url === undefined) return;
  holds(["ws:", "wss:", "ws+unix:", "wss+unix:"].includes(url.protocol), "a scheme that cannot be dialed", value);
  holds(url.hash === "", "a URL has a fragment", value);
  const text = shownUrl(url);
  holds(!/^[a-z+]+:\/\/[^/?#]*@/.test(text), "a URL is shown with its user", text);
  proxyOfEnvironment(url, { all_proxy: "http://proxy", no_proxy: value });
}

function checkProxy(value: string): void {
  orRefused(() => readProxy(value));
  orRefused(() => readProtocols(value));
  percentDecoded(value);
  for (const url of ["ws://example.com", "wss://10.0.0.1:81", "ws://[2001:db8::1]"])
    for (const environment of [
      { all_proxy: "http://p", no_proxy: value },
      { http_proxy: value, HTTPS_PROXY: value },
    ]) {
      const proxy = proxyOfEnvironment(new URL(url), environment);
      holds(proxy === undefined || proxy.includes("://"), "a proxy is not a URL", proxy);
    }
  holds(
    proxyOfEnvironment(new URL("ws://127.0.0.1"), { all_proxy: value, no_proxy: value }) === undefined,
    "the loopback is reached through a proxy",
  );
}

/** Nothing that a header has can end its line. */
function checkHeader(value: string): void {
  for (const headers of [{ X: value }, { [value]: "1" }, [["X", value]]]) {
    const list = orRefused(() => headerList(headers));
    holds(list?.some((one) => /[\r\n\0]/.test(one)) !== true, "a header has a line break", value);
  }
}

function checkShown(value: string): void {
  const text = shown(value);

  holds(text.length <= 201 && !/[\0-\x1f\x7f-\x9f]/.test(text), "a text is shown that a terminal may obey", text);
}

/** The result of a function that may throw the documented error. */
function orRefused<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    holds(error instanceof InvalidArgumentError, "an error is thrown that is not documented", String(error));
    return undefined;
  }
}

const TEXTS: readonly string[] = [
  "7",
  "1000000000000",
  "retry-after=7",
  "Wed, 21 Oct 2026 07:28:00 GMT",
  "Sunday, 06-Nov-94 08:49:37 GMT",
  "ws://user:pass@example.com:81/a?b#c",
  "wss://[::1]/",
  "ws+unix:/run/a%20b:/c",
  "http://proxy:3128",
  "socks5://a:b@c",
  ".example.com, 10.0.0.0/8, [2001:db8::]/32, a:81, *",
  "a=b; c=d",
];

function replaceText(_input: Buffer, random: Random): Buffer {
  return Buffer.from(random.pick(TEXTS), "latin1");
}

/** The beginning of one text, and the end of another. */
function joinTexts(...[input, random, other]: Parameters<Mutator>): Buffer {
  const end = other.subarray(random.below(other.length + 1));
  return Buffer.concat([input.subarray(0, random.below(input.length + 1)), end]);
}
