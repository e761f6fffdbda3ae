import { EventEmitter } from "node:events";
import { InvalidArgumentError } from "hawser";
import { describe, expect, test } from "vitest";
import { addWebListener, removeWebListener, setWebAttribute, webAttribute } from "../../src/adapters/ws-events.ts";

describe("listeners of the web platform", () => {
  test("get an event with the arguments of Node's event", () => {
    const emitter = new EventEmitter();
    const found: object[] = [];
    for (const type of ["open", "message", "close", "error"])
      addWebListener(emitter, type, (event: object) => found.push({ ...event, target: "it" }));
    emitter.emit("open");
    emitter.emit("message", Buffer.from("text"), false);
    emitter.emit("message", new Uint8Array([116]).buffer, false);
    emitter.emit("close", 1006, Buffer.alloc(0));
    emitter.emit("error", new Error("boom"));
    emitter.emit("error", "no error");
    expect(found).toEqual([
      { type: "open", target: "it" },
      { type: "message", target: "it", data: "text" },
      { type: "message", target: "it", data: "t" },
      { type: "close", target: "it", code: 1006, reason: "", wasClean: false },
      { type: "error", target: "it", error: new Error("boom"), message: "boom" },
      { type: "error", target: "it", error: "no error", message: "no error" },
    ]);
  });

  test("are removed by what was added, also those that are called once, and not those of attributes", () => {
    const emitter = new EventEmitter();
    const listener = (): void => {};
    addWebListener(emitter, "message", listener, { once: true });
    setWebAttribute(emitter, "message", listener);
    expect(emitter.listenerCount("message")).toBe(2);
    removeWebListener(emitter, "message", listener);
    removeWebListener(emitter, "message", listener);
    expect(emitter.listenerCount("message")).toBe(1);
    expect(webAttribute(emitter, "message")).toBe(listener);
    setWebAttribute(emitter, "message", 5);
    expect(webAttribute(emitter, "message")).toBe(null);
    expect(emitter.listenerCount("message")).toBe(0);
  });

  test("have a type and a listener that are known", () => {
    const emitter = new EventEmitter();
    expect(() => {
      addWebListener(emitter, "pong", () => {});
    }).toThrow(InvalidArgumentError);
    expect(() => {
      addWebListener(emitter, "message", {});
    }).toThrow(InvalidArgumentError);
  });
});
