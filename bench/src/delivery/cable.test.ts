import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, type Server, type Socket, connect, createServer } from "node:net";
import { test } from "node:test";
import { Cable } from "./cable.ts";

/** A server that says its name, and then what it gets. */
async function named(name: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.write(name);
    socket.on("data", (chunk) => socket.write(chunk));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

/** Settles when a socket has closed, also after an error. */
const closeOf = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once("close", () => resolve()));

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

test("each connection goes to another server, and a cut ends it and refuses the next ones", async () => {
  const servers = [await named("a"), await named("b")];
  const cable = await Cable.open(servers.map(portOf), 0);
  try {
    for (const [name, how] of [
      ["a", "reset"],
      ["b", "silent"],
    ] as const) {
      const socket = connect(cable.port, "127.0.0.1").on("error", () => undefined);
      assert.equal(String(await once(socket, "data")), name);
      let late = "";
      socket.on("data", (chunk) => (late += String(chunk)));
      const closed = closeOf(socket);
      const fix = cable.cut(how);
      socket.write("lost");
      const refused = connect(cable.port, "127.0.0.1").on("error", () => undefined);
      await closeOf(refused);
      assert.ok(cable.isCut);
      if (how === "silent") assert.ok(!socket.destroyed);
      fix();
      await closed;
      assert.equal(late, "");
      assert.ok(!cable.isCut);
    }
  } finally {
    cable.close();
    for (const server of servers) server.close();
  }
});
