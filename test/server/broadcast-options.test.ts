import { WebSocketServer, type WSConnectionEvent } from "hawser";
import { type TestClient, connect } from "hawser/testing";
import { expect, onTestFinished, test } from "vitest";

class Member {
  readonly team: string;

  constructor(team: string) {
    this.team = team;
  }

  onMessage(): void {
    // It only gets messages.
  }
}

class Chat {
  onConnection(_wss: unknown, { request }: WSConnectionEvent): Member {
    return new Member(request.path.slice(1));
  }
}

async function chat(...teams: string[]): Promise<{ wss: WebSocketServer<Chat>; clients: TestClient[] }> {
  const wss = new WebSocketServer(new Chat());
  onTestFinished(() => wss.terminate(0));
  const clients: TestClient[] = [];
  for (const team of teams) clients.push(await connect(wss, { url: `/${team}` }));
  return { wss, clients };
}

/** What each client got, after one message for all that marks the end. */
async function gotBy(wss: WebSocketServer<Chat>, clients: readonly TestClient[]): Promise<unknown[]> {
  wss.broadcast("end");
  const got = [];
  for (const client of clients) {
    const texts = [];
    for (let text = (await client.next()).value; text !== "end"; text = (await client.next()).value) texts.push(text);
    got.push(texts.join("+"));
  }
  return got;
}

test("to one, to several, and to those that a function chooses", async () => {
  const { wss, clients } = await chat("red", "red", "blue");
  const [one, two, three] = wss.connections;
  expect(wss.broadcast("a", { to: one })).toBe(1);
  expect(wss.broadcast("b", { to: [one!, three!, one!] })).toBe(2);
  expect(wss.broadcast("c", { to: (client) => client.handler.team === "red" })).toBe(2);
  expect(wss.broadcast("d", { to: new Set([two!, three!]), except: three })).toBe(1);
  expect(wss.broadcast("e", { to: () => true, except: [one!] })).toBe(2);
  expect(wss.broadcast("f", { to: [] })).toBe(0);
  expect(wss.broadcast("g", { to: undefined })).toBe(3);
  expect(await gotBy(wss, clients)).toEqual(["a+b+c+g", "c+d+e+g", "b+e+g"]);
});

test("a closing connection is passed over", async () => {
  const { wss } = await chat("red", "blue");
  const [one] = wss.connections;
  one!.close();
  expect(wss.broadcast("a", { to: [...wss.connections] })).toBe(1);
  expect(wss.broadcast("a", { to: one })).toBe(0);
});

test("what is no connection of this server is refused, and nobody gets the message", async () => {
  const { wss, clients } = await chat("red");
  const { wss: other } = await chat("red");
  for (const to of ["red", 5, {}, [1], [null], "", other.connections[0], [wss.connections[0], other.connections[0]]])
    expect(() => wss.broadcast("a", { to: to as never })).toThrow(
      expect.objectContaining({ code: "HWS_INVALID_ARGUMENT" }) as Error,
    );
  expect(() => wss.broadcast("a", { except: "red" as never })).toThrow("broadcast: except: expected");
  expect(() => wss.broadcast("a", null as never)).toThrow("broadcast: options: expected an object");
  // A connection of another server is no mistake in `except`: it gets nothing anyway.
  expect(wss.broadcast("b", { except: other.connections[0] })).toBe(1);
  expect(await gotBy(wss, clients)).toEqual(["b"]);
});

test("a function that returns a promise is refused, and nobody gets the message: a promise would mean everybody", async () => {
  const { wss, clients } = await chat("red");
  for (const answer of [Promise.resolve(false), Promise.reject(new Error("rejected"))])
    expect(() => wss.broadcast("a", { to: (() => answer) as never })).toThrow(
      "broadcast: to: the function returned a promise",
    );
  wss.broadcast("b");
  expect(await gotBy(wss, clients)).toEqual(["b"]);
});
