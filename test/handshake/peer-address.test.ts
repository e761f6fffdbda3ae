import { once } from "node:events";
import { Socket, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { describe, expect, onTestFinished, test } from "vitest";
import { hasLostPeer, peerAddressOf } from "../../src/handshake/peer-address.ts";
import { deferred } from "../support/peer.ts";
import { pair } from "../support/socket-pair.ts";

/** What Node keeps when it is asked for `remoteAddress`. */
function keptName(socket: object): unknown {
  return (socket as { readonly _peername?: unknown })._peername;
}

describe("the address of a socket's peer", () => {
  test("is what Node says, and Node keeps no object for it", async () => {
    const { near } = await pair();
    expect(peerAddressOf(near)).toBe("127.0.0.1");
    expect(keptName(near)).toBeUndefined();
    expect(peerAddressOf(near)).toBe(near.remoteAddress);
  });

  test.each([
    ["without the handle's function", { _handle: {} }],
    ["whose handle fails", { _handle: { getpeername: () => -1 } }],
    ["whose handle writes nothing", { _handle: { getpeername: () => 0 } }],
    ["without a handle", { _handle: null }],
  ])("is read the public way from a socket %s", (_what, own) => {
    const socket = Object.assign(Object.create(Socket.prototype) as object, own);
    Object.defineProperty(socket, "_getpeername", { value: () => ({ address: "192.0.2.7" }) });
    expect(peerAddressOf(socket as object)).toBe("192.0.2.7");
  });

  test("is the one that somebody has given to the socket, as for the PROXY protocol", async () => {
    const { near } = await pair();
    Object.defineProperty(near, "remoteAddress", { get: () => "198.51.100.7" });
    expect(peerAddressOf(near)).toBe("198.51.100.7");
    const above = Object.create(near) as Socket;
    Object.defineProperty(above, "remoteAddress", { get: () => "198.51.100.8" });
    expect(peerAddressOf(above)).toBe("198.51.100.8");
  });

  test.each([
    ["::ffff:127.0.0.1", "127.0.0.1"],
    ["::ffff:7f00:1", "::ffff:7f00:1"],
    ["::1", "::1"],
  ])("%s is %s: an IPv4 address is written as one", (remoteAddress, address) => {
    expect(peerAddressOf({ remoteAddress })).toBe(address);
  });

  test("is empty for a stream that has none", () => {
    expect(peerAddressOf(new PassThrough() as object)).toBe("");
    expect(hasLostPeer(new PassThrough() as object)).toBe(false);
  });
});

describe("a lost peer", () => {
  test("is one that has reset its connection", async () => {
    const { near, far } = await pair();
    near.on("error", () => undefined);
    expect(hasLostPeer(near)).toBe(false);
    far.resetAndDestroy();
    while (peerAddressOf(near) !== "") await new Promise((resolve) => setTimeout(resolve, 1));
    expect(hasLostPeer(near)).toBe(true);
  });

  test("is not the peer of a Unix socket, which has no address at all", async () => {
    const path = join(tmpdir(), `peer-address-${String(process.pid)}.sock`);
    const { promise, resolve } = deferred<Socket>();
    const server = createServer(resolve).listen(path);
    onTestFinished(() => void server.close());
    await once(server, "listening");
    const far = connect(path);
    const near = await promise;
    onTestFinished(() => {
      far.destroy();
      near.destroy();
    });
    expect([peerAddressOf(near), hasLostPeer(near)]).toEqual(["", false]);
  });
});
