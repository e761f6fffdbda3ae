import { expect } from "vitest";
import type { Scenario } from "./scenario.ts";
import { connected } from "./serve.ts";

/** Pings and pongs. */
export const control = {
  "a client's pings are answered with their payload": async (client) => {
    const { peer, recorder } = await connected(client);
    for (const payload of ["", "are you there?", "ü€😀", "x".repeat(125)]) await peer.ping(payload);
    await peer.send({ type: "text", part: "yes", times: 1 });
    expect(await peer.received(1)).toEqual(["text: yes"]);
    expect(recorder.calls).toEqual([["open"], ["message", "yes"]]);
  },

  "unsolicited pongs are ignored": async (client) => {
    const { peer, recorder } = await connected(client);
    await peer.pong("");
    await peer.pong("still alive");
    await peer.send({ type: "text", part: "hello", times: 1 });
    expect(await peer.received(1)).toEqual(["text: hello"]);
    expect(recorder.calls).toEqual([["open"], ["message", "hello"]]);
  },
} satisfies Record<string, Scenario>;
