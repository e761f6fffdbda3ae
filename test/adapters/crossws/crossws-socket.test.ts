import { crosswsAdapter } from "hawser/crossws";
import type { WsSocket } from "hawser/ws";
import { expect, test } from "vitest";
import { serve } from "./rig.ts";

/** The socket of a peer, as `peer.websocket` gives it, and its client. */
async function pair() {
  const running = await serve(crosswsAdapter({ hooks: { open: (peer) => void peer.send("open") } }));
  const client = await running.open();
  await client.next();
  const [peer] = [...running.adapter.peers.get("/")!];
  return { client, socket: peer!.websocket as unknown as WsSocket, running };
}

test("peer.websocket has all members of a socket of hawser/ws", async () => {
  const { client, socket, running } = await pair();
  expect(socket.connection).toBe([...running.adapter.hawser.connections][0]);
  expect([socket.readyState, socket.OPEN, socket.isPaused, socket.binaryType]).toEqual([1, 1, false, "nodebuffer"]);
  socket.binaryType = "arraybuffer";
  expect(socket.binaryType).toBe("arraybuffer");
  const got = new Promise((resolve) => {
    socket.addEventListener("message", ({ data }) => {
      resolve(data);
    });
  });
  socket.pause();
  client.socket.send(Buffer.of(1));
  expect(socket.isPaused).toBe(true);
  socket.resume();
  expect(await got).toEqual(Uint8Array.of(1).buffer);
  socket.send([1, 2]);
  expect(await client.next()).toEqual(Buffer.of(1, 2));
  socket.close(4000, "bye");
  expect(await client.closed).toEqual([4000, "bye"]);
});

test("a listener of ping is not called", async () => {
  const { client, socket } = await pair();
  expect(socket.on("ping", () => client.socket.terminate())).toBeTypeOf("object");
  const pong = new Promise((resolve) => client.socket.once("pong", resolve));
  client.socket.ping("x");
  expect(String(await pong)).toBe("x");
  expect(client.socket.readyState).toBe(1);
});
