import nodeAdapter from "crossws/adapters/node";
import { crosswsAdapter } from "hawser/crossws";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Hooks, type Peer, serve } from "./rig.ts";

const warned = vi.spyOn(process, "emitWarning");

beforeEach(() => {
  warned.mockReset().mockImplementation(() => undefined);
});

afterEach(() => void warned.mockReset());

/** The texts of the warnings. */
function warnings(): string[] {
  return warned.mock.calls.map(([text]) => String(text));
}

const FAILED = "An error that no onError handled: broken";

/** A hook that fails in one of two ways. */
const FAILURES: [string, () => Promise<void>][] = [
  ["rejects", () => Promise.reject(new Error("broken"))],
  [
    "throws",
    () => {
      throw new Error("broken");
    },
  ],
];

describe.each(FAILURES)("a hook that %s", (_how, broken) => {
  /** The same hooks, given in two ways. */
  const ways: [string, (hooks: Partial<Hooks>) => object][] = [
    ["hooks", (hooks) => ({ hooks })],
    ["resolve", (hooks) => ({ resolve: () => hooks })],
  ];

  describe.each(ways)("of %s", (_way, optionsOf) => {
    test.each(["open", "message"])("ends its connection only: %s", async (name) => {
      const { open } = await serve(
        crosswsAdapter(
          optionsOf({
            [name]: (peer: { readonly request: Request; send(text: string): void }) =>
              peer.request.url.endsWith("/broken") ? broken() : peer.send("well"),
          }),
        ),
      );
      const [other, client] = [await open(), await open("/broken")];
      other.socket.send("go");
      client.socket.send("go");
      expect((await client.closed)[0]).toBe(1011);
      expect(await other.next()).toBe("well");
      expect(warnings()).toEqual([FAILED]);
    });

    test("is reported after the end too", async () => {
      const { open } = await serve(crosswsAdapter(optionsOf({ close: broken })));
      (await open()).socket.close();
      await vi.waitFor(() => {
        expect(warnings()).toEqual([FAILED]);
      });
    });

    test("is reported before there is a connection, and 500 is the answer", async () => {
      const { refusal } = await serve(crosswsAdapter(optionsOf({ upgrade: broken })));
      expect((await refusal()).status).toBe(500);
      expect(warnings()[0]).toBe(FAILED);
    });
  });

  test("the function resolve that fails is reported", async () => {
    const { refusal } = await serve(crosswsAdapter({ resolve: broken as never }));
    expect((await refusal()).status).toBe(500);
    expect(warnings()).toEqual([FAILED]);
  });
});

test("a hook error that fails is reported once, and is not told of itself", async () => {
  const told: string[] = [];
  const { open } = await serve(
    crosswsAdapter({
      hooks: {
        message: () => Promise.reject(new Error("broken")),
        error(_peer, { message }) {
          told.push(message);
          return Promise.reject(new Error("broken too"));
        },
      },
    }),
  );
  const client = await open();
  client.socket.send("go");
  expect((await client.closed)[0]).toBe(1011);
  await vi.waitFor(() => {
    expect(warnings()).toEqual([FAILED, "An error that no onError handled: broken too"]);
  });
  expect(told).toEqual(["Error: broken"]);
});

test("a response that refuses is no failure, in an error neither", async () => {
  const response = new Response("no", { status: 418 });
  const { refusal } = await serve(
    crosswsAdapter({ hooks: { upgrade: () => Promise.reject(Object.assign(new Error("no"), { response })) } }),
  );
  expect((await refusal()).status).toBe(418);
  expect(warnings()).toEqual([]);
});

describe("a path for which the function resolve has no hooks", () => {
  const nothing: [string, unknown][] = [
    ["nothing", undefined],
    ["null", null],
    ["no hooks", {}],
    ["hooks that are undefined", { open: undefined }],
  ];

  test.each(nothing)("gets 404, which is counted: %s", async (_what, hooks) => {
    const resolve = vi.fn(({ url }: { readonly url: string }) =>
      url.endsWith("/chat") ? { open: (peer: Peer) => void peer.send("welcome") } : hooks,
    );
    const { adapter, open, refusal } = await serve(crosswsAdapter({ resolve: resolve as never }));
    const { status, body } = await refusal("/other");
    expect([status, body.trim()]).toEqual([404, "There is no WebSocket at this path."]);
    expect((await refusal("/other")).status).toBe(404);
    expect(resolve).toHaveBeenCalledTimes(2);
    expect(await (await open("/chat")).next()).toBe("welcome");
    expect(adapter.hawser.counters.refused.path).toBe(2);
    expect(warnings()).toEqual([]);
  });

  test.each(nothing)("is open where there are common hooks: %s", async (_what, hooks) => {
    const { open } = await serve(
      crosswsAdapter({ hooks: { open: (peer) => void peer.send("welcome") }, resolve: () => hooks as never }),
    );
    expect(await (await open("/other")).next()).toBe("welcome");
  });

  test("gets 404 where the common hooks are none, and compression is on", async () => {
    const { refusal } = await serve(
      crosswsAdapter({ hooks: {}, resolve: () => ({}), serverOptions: { compression: true } }),
    );
    expect((await refusal()).status).toBe(404);
  });

  test("is not one whose hooks are the methods of a class", async () => {
    class Chat {
      open(peer: Peer): void {
        peer.send("welcome");
      }
    }
    const { open } = await serve(crosswsAdapter({ resolve: () => new Chat() }));
    expect(await (await open()).next()).toBe("welcome");
  });

  test("is open with the adapter of crossws itself", async () => {
    const { open } = await serve(nodeAdapter({ resolve: () => ({}) }));
    expect((await open("/other")).socket.readyState).toBe(1);
  });
});

test.each<[string, (hooks: Partial<Hooks>) => object]>([
  ["hooks", (hooks) => ({ hooks })],
  ["resolve", (hooks) => ({ resolve: () => hooks })],
])("a hook ping, which is never called, is a warning: %s", async (_way, optionsOf) => {
  const { open } = await serve(crosswsAdapter(optionsOf({ ping: vi.fn() })));
  await open();
  expect(warnings()).toEqual(["The hook ping is never called: the library answers pings itself"]);
});
