import dns from "node:dns";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConnectError } from "hawser/client";
import { expect, onTestFinished, test, vi } from "vitest";
import { connectError, isOfNetwork, openSocket, openTls, whenReady } from "../../../src/client/node/sockets.ts";
import { certificate } from "../../support/certificate.ts";
import { scriptServer } from "../../support/scripted-server.ts";
import { Wire, turns } from "../../support/wire.ts";

type Answer = (error: null, addresses: readonly { address: string; family: number }[]) => void;

const never = new AbortController().signal;

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

test("a TCP socket, without delay of small packets", async () => {
  const { port } = await scriptServer(() => undefined);
  const socket = await openSocket({ host: "127.0.0.1", port }, never);
  onTestFinished(() => void socket.destroy());
  expect(socket.remotePort).toBe(port);
  for (const event of ["error", "close", "connect"]) expect(socket.listenerCount(event)).toBeLessThanOrEqual(1);
});

test("a Unix socket", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hawser-socket-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const server = createServer((socket) => socket.resume()).listen(join(folder, "s"));
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const socket = await openSocket({ path: join(folder, "s") }, never);
  onTestFinished(() => void socket.destroy());
  expect(socket.connecting).toBe(false);
  await expect(openSocket({ path: join(folder, "none") }, never)).rejects.toMatchObject({ stage: "tcp" });
});

test("refused: the error says so, whether one address was tried or two", async () => {
  const port = await closedPort();
  for (const host of ["127.0.0.1", "localhost"]) {
    const error = await openSocket({ host, port }, never).catch((cause: unknown) => cause as ConnectError);
    expect(error).toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "tcp" });
    expect((error as Error).message).toContain("ECONNREFUSED");
  }
});

test("an unknown host: the stage is dns", async () => {
  await expect(openSocket({ host: "no.invalid", port: 1 }, never)).rejects.toMatchObject({ stage: "dns" });
});

test("a host with many addresses: one after the other is tried, and it is asked anew for each dial", async () => {
  const { port } = await scriptServer(() => undefined);
  const addresses = [...Array.from({ length: 100 }, (_, i) => `127.0.1.${String(i)}`), "127.0.0.1"];
  const lookup = vi.spyOn(dns, "lookup").mockImplementation(((_host: string, _options: object, done: Answer) => {
    done(
      null,
      addresses.map((address) => ({ address, family: 4 })),
    );
  }) as never);
  onTestFinished(() => lookup.mockRestore());
  for (let i = 0; i < 2; i++) {
    const socket = await openSocket({ host: "many.example", port }, never);
    expect(socket.remoteAddress).toBe("127.0.0.1");
    socket.destroy();
  }
  expect(lookup).toHaveBeenCalledTimes(2);
});

test("a dial that is given up destroys its socket", async () => {
  const controller = new AbortController();
  const { port, sockets } = await scriptServer(() => undefined);
  const opening = openSocket({ host: "127.0.0.1", port }, controller.signal);
  controller.abort(new Error("given up"));
  await expect(opening).rejects.toMatchObject({ cause: { message: "given up" } });
  await expect(openSocket({ host: "127.0.0.1", port }, controller.signal)).rejects.toThrow("given up");
  await expect.poll(() => sockets.every(({ readableEnded, destroyed }) => readableEnded || destroyed)).toBe(true);
});

test("TLS checks the certificate, over any stream", async () => {
  const { port } = await scriptServer((peer) => void peer.socket.resume(), certificate);
  const open = async (host: string, ca?: string) => {
    const stream = await openSocket({ host: "127.0.0.1", port }, never);
    const secure = openTls(stream, { host, options: ca === undefined ? undefined : { ca }, session: undefined }, never);
    return { stream, secure };
  };
  const good = await open("localhost", certificate.cert);
  const secure = await good.secure;
  expect(secure).toMatchObject({ authorized: true, alpnProtocol: false });
  secure.destroy();
  for (const bad of [await open("localhost"), await open("example.com", certificate.cert)]) {
    await expect(bad.secure).rejects.toMatchObject({ stage: "tls" });
    await expect.poll(() => bad.stream.destroyed).toBe(true);
  }
});

test.each(["resetAndDestroy", "end"] as const)(
  "a server that ends during TLS is a matter of the network: %s",
  async (how) => {
    const { port } = await scriptServer(({ socket }) => void socket.once("data", () => socket[how]()));
    const stream = await openSocket({ host: "127.0.0.1", port }, never);
    const target = { host: "localhost", options: undefined, session: undefined };
    await expect(openTls(stream, target, never)).rejects.toMatchObject({ stage: "tcp" });
  },
);

test("TLS that is given up destroys the stream below", async () => {
  const wire = new Wire();
  const controller = new AbortController();
  const target = { host: "localhost", options: undefined, session: undefined };
  const opening = openTls(wire, target, controller.signal);
  controller.abort(new Error("given up"));
  await expect(opening).rejects.toThrow("given up");
  await turns();
  expect(wire.destroyed).toBe(true);
  const late = new Wire();
  await expect(openTls(late, target, controller.signal)).rejects.toThrow("given up");
  await turns();
  expect(late.destroyed).toBe(true);
});

test("a socket that closes without an error fails too, and leaves no listener", async () => {
  const wire = new Wire();
  const ready = whenReady(wire, "connect", never, (cause) => connectError(cause, "tcp"));
  wire.destroy();
  await expect(ready).rejects.toMatchObject({ code: "HWS_CONNECT_FAILED" });
  expect(wire.listenerCount("connect")).toBe(0);
});

test("an AggregateError has an empty message: those of its errors are told", () => {
  const cause = new AggregateError([new Error("a"), new AggregateError([new Error("b"), "c"])]);
  expect(connectError(cause, "tcp").message).toContain("a, b, c");
  expect(connectError(new TypeError(""), "tcp").message).toContain("TypeError");
  const error = connectError("x", "dns");
  expect(connectError(error, "tcp")).toBe(error);
});

test.each([
  ["ECONNRESET", true],
  ["EPIPE", true],
  ["ETIMEDOUT", true],
  ["CERT_HAS_EXPIRED", false],
  ["EPROTO", false],
  [undefined, false],
])("the code %s is of the network: %s", (code, expected) => {
  expect(isOfNetwork(Object.assign(new Error("x"), { code }))).toBe(expected);
});
