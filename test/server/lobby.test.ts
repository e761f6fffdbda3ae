import { EventEmitter, once } from "node:events";
import type { Server } from "node:http";
import { type Duplex, PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { Lobby } from "../../src/server/lobby.ts";

function lobbyOf(maxHandshakes: number): { lobby: Lobby; tally: { maxHandshakes: number }; come: () => Duplex } {
  const tally = { maxHandshakes: 0 };
  const lobby = new Lobby({ maxHandshakes, tally });
  const come = (): Duplex => {
    const socket = new PassThrough();
    lobby.enter(socket);
    return socket;
  };
  return { lobby, tally, come };
}

describe("a lobby", () => {
  test("puts out the one who has been there the longest where there are too many", () => {
    const { tally, come } = lobbyOf(2);
    const sockets = [come(), come(), come(), come()];
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, true, false, false]);
    expect(tally.maxHandshakes).toBe(2);
  });

  test("forgets who is upgraded: he is not put out, and has no listener of its any more", () => {
    const { lobby, tally, come } = lobbyOf(1);
    const first = come();
    lobby.leave(first);
    const second = come();
    expect([first.destroyed, second.destroyed, tally.maxHandshakes]).toEqual([false, false, 0]);
    expect(first.listenerCount("close")).toBe(new PassThrough().listenerCount("close"));
    lobby.leave(first);
  });

  test("forgets who has gone", async () => {
    const { tally, come } = lobbyOf(1);
    for (let i = 0; i < 1000; i++) {
      const socket = come();
      socket.destroy();
      await once(socket, "close");
    }
    expect(tally.maxHandshakes).toBe(0);
  });

  test("lets ten thousand come, and keeps as many as may be there", () => {
    const { tally, come } = lobbyOf(100);
    const sockets = Array.from({ length: 10_000 }, come);
    expect(sockets.filter(({ destroyed }) => !destroyed)).toEqual(sockets.slice(-100));
    expect(tally.maxHandshakes).toBe(9_900);
  });
});

describe("the web server that is watched", () => {
  test.each([
    [false, "connection", "secureConnection"],
    [true, "secureConnection", "connection"],
  ])("with TLS %s, who comes by %s enters, and not by %s", (secure, by, notBy) => {
    const { lobby } = lobbyOf(0);
    const server = new EventEmitter();
    lobby.watch(server as unknown as Server, secure);
    const [entered, passed] = [new PassThrough(), new PassThrough()];
    server.emit(by, entered);
    server.emit(notBy, passed);
    expect([entered.destroyed, passed.destroyed]).toEqual([true, false]);
  });
});
