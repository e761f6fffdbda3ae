import { expect, test } from "vitest";
import { NO_ID } from "../../src/backplane/ids.ts";
import { HawserError } from "../../src/errors/errors.ts";
import type { ScriptCall } from "../../src/redis/command-connection.ts";
import { RedisHistory } from "../../src/redis/history.ts";
import type { Link } from "../../src/redis/link.ts";
import { Names } from "../../src/redis/names.ts";
import { scripts } from "../../src/redis/scripts.ts";
import { message } from "../support/backplane/records.ts";

const rule = { size: 10, ttl: 60_000 };
const epoch = Buffer.from("abcdefgh", "base64url");
const history = new RedisHistory(new Names("p"), "nodename");
const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;

/** A link with one answer, and the calls that were made. */
function linkOf(answer: (call: ScriptCall) => unknown, isFull = false): { link: Link; calls: ScriptCall[] } {
  const calls: ScriptCall[] = [];
  const script = async (call: ScriptCall): Promise<unknown> => {
    calls.push(call);
    return answer(call);
  };
  return { link: { number: 3, publish: "publish", commands: () => ({ isFull, script }) } as unknown as Link, calls };
}

test("what is stored goes with its rule and its records, and the answer is read", async () => {
  const { link, calls } = linkOf(() => [epoch, Buffer.from("7"), 0]);
  const records = [message("1"), message("2")];
  expect(await history.append(link, "t", rule, records, {})).toEqual({
    epoch: "abcdefgh",
    first: 7,
    isDuplicate: false,
  });
  const { script, keys, args, topic, lost } = calls[0]!;
  expect([script, keys.length, topic, lost]).toEqual([scripts.append, 3, "t", "HWS_PUBLISH_UNCERTAIN"]);
  expect([args.slice(0, 3), args[5], args.slice(7, 10)]).toEqual([
    ["10", "60000", "86460000"],
    "publish",
    ["", "", ""],
  ]);
  expect(args.slice(10)).toEqual(["3600000", "3", ...records]);
});

test("an id of the application has a key, and an earlier try its mark", async () => {
  const { link, calls } = linkOf(() => [epoch, Buffer.from("7"), 1]);
  const again = { epoch: "abcdefgh", offset: 6, id: NO_ID };
  const stored = await history.append(link, "t", rule, [message("1")], { id: "order", again });
  expect(stored.isDuplicate).toBe(true);
  expect(calls[0]!.keys[3]).toContain("i:t\0order");
  expect(calls[0]!.args.slice(7, 10)).toEqual([epoch, "6", Buffer.alloc(12)]);
});

test("what is uncertain, or too much, rejects", async () => {
  const uncertain = linkOf(() => [epoch, Buffer.from("0"), 2]).link;
  expect(await history.append(uncertain, "t", rule, [message("1")], {}).catch(codeOf)).toBe("HWS_PUBLISH_UNCERTAIN");
  const full = linkOf(() => [], true);
  expect(await history.append(full.link, "t", rule, [message("1")], {}).catch(codeOf)).toBe("HWS_BACKPLANE_FULL");
  expect(full.calls).toEqual([]);
});

test("a page is read", async () => {
  const record = message("text", "ABCDEFGHIJKLMNOP");
  const { link, calls } = linkOf(() => [
    ...[epoch, Buffer.from("9"), Buffer.from("ABCDEFGHIJKLMNOP", "base64url")],
    Buffer.from("8 3 "),
    ...[Buffer.from("9"), Buffer.alloc(12), record],
  ]);
  expect(await history.read(link, "t", rule, -3)).toEqual({
    epoch: "abcdefgh",
    top: { epoch: "abcdefgh", offset: 9, id: "ABCDEFGHIJKLMNOP" },
    fork: 8,
    proven: undefined,
    entries: [{ offset: 9, id: "ABCDEFGHIJKLMNOP", before: NO_ID, record }],
  });
  expect(calls[0]!.args.slice(0, 2)).toEqual(["-3", "86460000"]);
});

test("the newest messages of many topics are asked for in few calls, and keep their order", async () => {
  const topics = Array.from({ length: 100_000 }, (_, i) => `t${i}`);
  const known = (key: string): boolean => key.endsWith("0");
  const { link, calls } = linkOf(({ keys }) =>
    keys.flatMap((key) =>
      known(key) ? [epoch, Buffer.from("1"), Buffer.alloc(12)] : [0, 1, 2].map(() => Buffer.alloc(0)),
    ),
  );
  const tops = await history.tops(link, topics);
  expect(tops.every((top, i) => (top?.offset === 1) === known(topics[i]!))).toBe(true);
  expect(calls.length).toBeLessThanOrEqual(512);
  expect(calls.every(({ keys }) => keys.length <= 256)).toBe(true);
  expect(await history.tops(link, [])).toEqual([]);
});

test("of a topic, or a partition, that the server refuses to tell nothing is known; a lost connection rejects", async () => {
  const fail = (error: Error) => (): never => {
    throw error;
  };
  const text = (...texts: string[]): Buffer[] => texts.map((one) => Buffer.from(one));
  expect(await history.tops(linkOf(() => text("-", "-", "")).link, ["t"])).toEqual([null]);
  const refused = new HawserError("HWS_BACKPLANE_FAILED", "NOPERM");
  let calls = 0;
  const { link } = linkOf(() => (calls++ === 0 ? fail(refused)() : text("", "", "")));
  expect(await history.tops(link, ["t", "u"])).toEqual([null, undefined]);
  const away = linkOf(fail(new HawserError("HWS_BACKPLANE_AWAY"))).link;
  expect(await history.tops(away, ["t"]).catch(codeOf)).toBe("HWS_BACKPLANE_AWAY");
});

test.each(["nan", "-4", "inf", "1.5", "x"])(
  "a topic whose newest message has the number %s has no position",
  async (odd) => {
    const answer = [epoch, Buffer.from(odd), Buffer.alloc(12)];
    const { link } = linkOf(() => answer);
    expect(await history.tops(link, ["t"])).toEqual([null]);
    expect(await history.read(link, "t", rule, 0).catch(codeOf)).toBe("HWS_BACKPLANE_FAILED");
    const stored = linkOf(() => [epoch, Buffer.from(odd), 0]).link;
    expect(await history.append(stored, "t", rule, [message("1")], {}).catch(codeOf)).toBe("HWS_BACKPLANE_FAILED");
  },
);
