import { describe, expect, test, vi } from "vitest";
import { Advice } from "../../src/server/advice.ts";

test("each text is a warning once for a server", () => {
  const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
  const advice = new Advice();
  for (const text of ["one", "two", "one"]) advice.once("HWS_NO_ANSWER", text);
  new Advice().once("HWS_NO_ANSWER", "one");
  expect(warn.mock.calls.map(([text]) => text)).toEqual(["one", "two", "one"]);
  expect(warn).toHaveBeenLastCalledWith("one", { type: "HawserWarning", code: "HWS_NO_ANSWER" });
  warn.mockRestore();
});

describe("the callbacks of connection handlers", () => {
  const nothing = (): void => undefined;

  /** The warnings for these handlers, one after the other. */
  function warningsFor(handlers: Iterable<object>): unknown[] {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    const advice = new Advice();
    for (const handler of handlers) advice.checkConnectionHandler(handler);
    const texts = warn.mock.calls.map(([text]) => text);
    warn.mockRestore();
    return texts;
  }

  test("are looked at in each kind of plain object, not only in the first", () => {
    const bare = Object.assign(Object.create(null) as object, { onMessage: nothing, onend: nothing });
    const handlers = [
      { onMessage: nothing },
      { onMessage: nothing },
      { onMessage: nothing, onClose: nothing },
      { onMessage: nothing, name: "ada" },
      { onMessage: nothing, onErorr: nothing },
      bare,
    ];
    const texts = warningsFor([...handlers, ...handlers]);
    expect(texts.map((text) => /the method (\w+)/.exec(String(text))?.[1])).toEqual(["onClose", "onErorr", "onend"]);
  });

  test("are looked at once for each class", () => {
    class Member {
      onMessage(): void {}
    }
    let reads = 0;
    class Watched extends Member {
      constructor() {
        super();
        return new Proxy(this, { ownKeys: (target) => (reads++, Reflect.ownKeys(target)) });
      }
    }
    expect(warningsFor([new Watched(), new Member(), new Watched(), new Watched()])).toEqual([]);
    expect(reads).toBe(1);
  });

  test("are looked at in a bounded number of kinds, and of names", () => {
    const kinds = Array.from({ length: 19 }, (_, i) => ({ [`name${String(i)}`]: nothing }));
    const texts = warningsFor([...kinds, { onClose: nothing }, { onErorr: nothing }]);
    expect(texts).toEqual([expect.stringContaining("onClose")]);
    const large = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`name${String(i)}`, i]));
    expect(warningsFor([large, { ...large }, { ...large, onClose: nothing }])).toEqual([]);
  });

  test("that cannot be read are no error", () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(warningsFor([proxy])).toEqual([]);
  });
});
