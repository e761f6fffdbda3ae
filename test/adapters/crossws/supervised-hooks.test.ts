import { crosswsAdapter } from "hawser/crossws";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Hooks, serve } from "./rig.ts";

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

test("a function resolve that has no hooks for a request is asked for them again", async () => {
  const resolve = vi.fn(() => undefined as never);
  const { open } = await serve(crosswsAdapter({ resolve }));
  await open();
  expect(resolve).toHaveBeenCalled();
});

test.each<[string, (hooks: Partial<Hooks>) => object]>([
  ["hooks", (hooks) => ({ hooks })],
  ["resolve", (hooks) => ({ resolve: () => hooks })],
])("a hook ping, which is never called, is a warning: %s", async (_way, optionsOf) => {
  const { open } = await serve(crosswsAdapter(optionsOf({ ping: vi.fn() })));
  await open();
  expect(warnings()).toEqual(["The hook ping is never called: the library answers pings itself"]);
});
