import { once } from "node:events";
import { Socket } from "node:net";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { canWriteToHandle, finishLater, writeToHandle } from "../../../src/connection/transport/handle-write.ts";
import { asBytes } from "../../../src/protocol/bytes.ts";
import { until } from "../../support/peer.ts";
import { pair } from "../../support/socket-pair.ts";

interface Module {
  readonly canWriteToHandle: typeof canWriteToHandle;
  readonly writeToHandle: typeof writeToHandle;
  readonly finishLater: typeof finishLater;
}
type Write = (request: unknown, data: unknown) => number;
interface Handle {
  writeBuffer: Write;
  writeLatin1String: Write;
  readonly writeQueueSize: number;
}

/** Newer versions of Node give a handle no request. */
const isPossible = Number.parseInt(process.versions.node, 10) <= 24;

/** More bytes than the system takes for a peer that does not read. */
const FLOOD = asBytes(Buffer.alloc(64 * 1024 * 1024));

function handleOf(socket: Socket): Handle {
  return (socket as unknown as { _handle: Handle })._handle;
}

/** The methods of all handles. */
function methodsOf(socket: Socket): Handle {
  let prototype = Object.getPrototypeOf(handleOf(socket)) as Handle;
  while (!Object.hasOwn(prototype, "writeBuffer")) prototype = Object.getPrototypeOf(prototype) as Handle;
  return prototype;
}

/** The module as it is when it is loaded again. */
async function reloaded(): Promise<Module> {
  vi.resetModules();
  onTestFinished(() => void vi.resetModules());
  return import("../../../src/connection/transport/handle-write.ts");
}

function replaceForAll(socket: Socket, method: "writeBuffer" | "writeLatin1String", by: (write: Write) => Write): void {
  const methods = methodsOf(socket);
  const original = methods[method];
  methods[method] = by(original);
  onTestFinished(() => {
    methods[method] = original;
  });
}

describe.runIf(isPossible)("a plain socket", () => {
  test("is written to with one request, until a write must wait: that one keeps it", async () => {
    const { near, far } = await pair();
    far.pause();
    const requests: unknown[] = [];
    replaceForAll(
      near,
      "writeBuffer",
      (write) =>
        function (this: Handle, request, data) {
          requests.push(request);
          return write.call(this, request, data);
        },
    );
    const module = await reloaded();
    const done: unknown[] = [];
    const write = (data: ReturnType<typeof asBytes>): boolean => {
      expect(module.canWriteToHandle(near)).toBe(true);
      const taken = module.writeToHandle(near, data);
      if (!taken) module.finishLater(near, data, (error) => done.push(error));
      return taken;
    };
    const short = FLOOD.subarray(0, 10);
    expect([write(short), write(short), write(FLOOD)]).toEqual([true, true, false]);
    const sizes = Object.getOwnPropertySymbols(near).filter(({ description }) => description === "lastWriteQueueSize");
    expect((near as unknown as Record<symbol, number>)[sizes[0]!]).toBe(FLOOD.length);
    expect(write(FLOOD)).toBe(false);
    expect(requests.map((request) => requests.indexOf(request))).toEqual([0, 0, 0, 3]);
    expect(done).toEqual([]);
    far.resume();
    await until(() => done.length === 2);
    expect(done).toEqual([null, null]);
    expect((near as unknown as Record<symbol, number>)[sizes[0]!]).toBe(0);
    expect(write(short)).toBe(true);
  });

  test("that was reset gets the error that Node makes, at once", async () => {
    const { near, far } = await pair();
    near.on("error", () => undefined);
    near.pause();
    far.resetAndDestroy();
    await once(far, "close");
    const errors: unknown[] = [];
    for (let tries = 0; tries < 100 && errors.length === 0 && canWriteToHandle(near); tries++) {
      if (!writeToHandle(near, "text")) finishLater(near, "text", (error) => errors.push(error));
    }
    const [error] = errors as NodeJS.ErrnoException[];
    expect([errors.length, error?.syscall]).toEqual([1, "write"]);
    expect(["ECONNRESET", "EPIPE"]).toContain(error?.code);
  });

  test("that is destroyed while a write waits gets the call for it", async () => {
    const { near, far } = await pair();
    far.pause();
    let calls = 0;
    expect(canWriteToHandle(near)).toBe(true);
    expect(writeToHandle(near, FLOOD)).toBe(false);
    finishLater(near, FLOOD, () => calls++);
    near.destroy();
    await until(() => calls > 0);
    expect(calls).toBe(1);
  });
});

describe("a socket that is written to by its `_write`", () => {
  test("one with a timeout, which each write starts again", async () => {
    const { near } = await pair();
    near.setTimeout(3_600_000);
    expect(canWriteToHandle(near)).toBe(false);
    near.setTimeout(0);
    expect(canWriteToHandle(near)).toBe(isPossible);
  });

  test("one that was destroyed, or is not connected yet", async () => {
    const { near } = await pair();
    near.destroy();
    expect(canWriteToHandle(near)).toBe(false);
    const socket = new Socket();
    onTestFinished(() => void socket.destroy());
    expect(canWriteToHandle(socket)).toBe(false);
    socket.on("error", () => undefined).connect(1, "127.0.0.1");
    expect(canWriteToHandle(socket)).toBe(false);
  });

  test.each(["writeBuffer", "writeLatin1String"] as const)("one whose handle has another %s", async (method) => {
    const { near } = await pair();
    expect(canWriteToHandle(near)).toBe(isPossible);
    const handle = handleOf(near);
    handle[method] = handle[method].bind(handle);
    expect(canWriteToHandle(near)).toBe(false);
  });

  test.each(["writeBuffer", "writeLatin1String"] as const)("all, after %s of all was replaced", async (method) => {
    const { near } = await pair();
    expect(canWriteToHandle(near)).toBe(isPossible);
    replaceForAll(near, method, (write) => write.bind(handleOf(near)));
    expect(canWriteToHandle(near)).toBe(false);
  });

  test.each(["18.20.0", "26.0.0", "none"])("all in Node %s, an unknown version", async (node) => {
    onTestFinished(() => void vi.unstubAllGlobals());
    vi.stubGlobal("process", Object.create(process, { versions: { value: { ...process.versions, node } } }));
    const { near } = await pair();
    expect((await reloaded()).canWriteToHandle(near)).toBe(false);
  });

  test.each([
    ["nothing", undefined],
    ["an object of another class", {}],
    ["a request without a function to call", Object.create({ constructor: { name: "WriteWrap" } }) as object],
  ])("all, if the handle is given %s", async (_, request) => {
    const { near } = await pair();
    const prototype = Socket.prototype as unknown as { _write: unknown };
    const { _write } = prototype;
    onTestFinished(() => {
      prototype._write = _write;
    });
    prototype._write = function (this: { _handle: Handle }, bytes: unknown): void {
      this._handle.writeBuffer(request, bytes);
    };
    const module = await reloaded();
    prototype._write = _write;
    expect(module.canWriteToHandle(near)).toBe(false);
  });
});
