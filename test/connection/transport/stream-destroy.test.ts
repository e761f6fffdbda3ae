import { once } from "node:events";
import { createServer, connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { destroyStream } from "../../../src/connection/transport/stream-destroy.ts";
import { type StreamListener, attach } from "../../../src/connection/transport/stream-events.ts";
import { Wire, turns } from "../../support/wire.ts";

/** Records the calls that a destroyed stream causes. */
function recorder(): StreamListener & { readonly heard: string[] } {
  const heard: string[] = [];
  return {
    heard,
    onData: () => undefined,
    onDrain: () => undefined,
    onTaken: () => undefined,
    onEnd: () => undefined,
    onStreamError: (cause) => heard.push(`failed ${cause.message}`),
    onStreamClose: () => heard.push("closed"),
  };
}

test.each([true, false])(
  "a destroyed stream reports its error, then its close, once: emitClose is %s",
  async (emitClose) => {
    const stream = new Wire({ emitClose });
    const to = recorder();
    attach(stream, to);
    destroyStream(stream, new Error("why"));
    destroyStream(stream, "again");
    expect(to.heard).toEqual([]);
    await turns();
    expect(to.heard).toEqual(["failed why", "closed"]);
  },
);

test("what was thrown need not be an Error", async () => {
  const stream = new Wire({ emitClose: false });
  const to = recorder();
  attach(stream, to);
  destroyStream(stream, "a text");
  await turns();
  expect(to.heard).toEqual(["failed a text", "closed"]);
});

test("a stream that nobody listens to is only destroyed", async () => {
  const stream = new Wire();
  destroyStream(stream);
  await turns();
  expect(stream.destroyed).toBe(true);
});

test("a socket's close is reported when its handle is closed, not before", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const socket = connect((server.address() as { port: number }).port, "127.0.0.1");
  await once(socket, "connect");
  const to = recorder();
  const order: string[] = to.heard;
  socket.prependListener("close", () => order.push("close event"));
  attach(socket, to);
  destroyStream(socket);
  await once(socket, "close");
  expect(order).toEqual(["close event", "closed"]);
});

test("a stream that never closes is closed for its connection, and the process is warned once", async () => {
  const warned: (string | undefined)[] = [];
  const onWarning = (warning: Error & { code?: string }): void => {
    if (warning.message.includes("did not close")) warned.push(warning.code);
  };
  process.on("warning", onWarning);
  onTestFinished(() => void process.off("warning", onWarning));
  const recorders = [recorder(), recorder()];
  for (const to of recorders) {
    const stream = Object.assign(new Wire(), { _destroy: () => undefined });
    attach(stream, to);
    destroyStream(stream);
  }
  await expect.poll(() => recorders.map(({ heard }) => heard), { timeout: 20_000 }).toEqual([["closed"], ["closed"]]);
  await turns();
  expect(warned).toEqual(["HWS_STREAM_STUCK"]);
}, 30_000);
