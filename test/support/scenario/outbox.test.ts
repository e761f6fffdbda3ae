import { describe, expect, test } from "vitest";
import { type Given, compare } from "./outbox.ts";
import { readTag, tagged } from "./tagged.ts";

const three: readonly Given[] = ["a", "b", "c"].map((text) => ({ text, key: undefined, lost: false }));

describe("the messages of a scenario", () => {
  test.each(["terminate", "drop-newest"] as const)("under %s are the first ones that were not dropped", (policy) => {
    const lost = three.map((one) => ({ ...one, lost: one.text === "b" }));
    expect(compare(policy, three, ["a", "b"])).toBeUndefined();
    expect(compare(policy, lost, ["a", "c"])).toBeUndefined();
    expect(compare(policy, three, ["a", "c"])).toContain('expected "b"');
    expect(compare(policy, lost, ["a", "b"])).toContain('expected "c"');
    expect(compare(policy, three, ["a", "a"])).toContain('expected "b"');
    expect(compare(policy, three, ["a", "b", "c", "c"])).toContain("expected nothing more");
  });

  test("under drop-oldest are in order, each once", () => {
    expect(compare("drop-oldest", three, ["a", "c"])).toBeUndefined();
    expect(compare("drop-oldest", three, ["c", "a"])).toContain("out of order");
    expect(compare("drop-oldest", three, ["c", "c"])).toContain("twice");
    expect(compare("drop-oldest", three, ["d"])).toContain("never sent");
  });

  test("under latest are in order for each key", () => {
    const keyed = ["x1", "y1", "x2"].map((text) => ({ text, key: text.charAt(0), lost: undefined }));
    expect(compare("latest", keyed, ["x2", "y1"])).toBeUndefined();
    expect(compare("latest", keyed, ["x2", "y1", "x1"])).toContain("key x");
    expect(compare("latest", keyed, ["z1"])).toContain("never sent");
  });

  test("are not taken for whole if a byte is of another one", () => {
    const text = tagged({ from: "u1", seq: 7 }, { size: 80, wide: false });
    expect(text).toHaveLength(80);
    expect(readTag(text)).toEqual({ from: "u1", seq: 7 });
    expect(readTag(tagged({ from: "u1", seq: 7 }, { size: 80, wide: true }))).toEqual({ from: "u1", seq: 7 });
    expect(readTag(`${text.slice(0, 50)}2${text.slice(51)}`)).toBeUndefined();
    expect(readTag(text.slice(0, -1))).toBeUndefined();
  });
});
