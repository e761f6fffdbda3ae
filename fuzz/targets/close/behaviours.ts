import { Broken } from "../../engine/target.ts";
import type { Behaviour, Callback } from "../../world/handler.ts";
import type { World } from "./world.ts";
import type { Client } from "./client.ts";

const CALLBACKS: readonly Callback[] = ["open", "message", "error", "terminate", "drain"];

/** What a callback does instead of nothing. */
type Reaction = (world: World, client: Client) => unknown;

/** A promise of the user's that is none of ours: settles twice, and at once. */
const eager = {
  then: (resolve: () => void): void => {
    resolve();
    resolve();
  },
};

/** Cannot be made a text of, or asked for anything. */
const hostile: unknown = new Proxy(
  {},
  {
    get: () => {
      throw new Error("asked");
    },
  },
);

const REACTIONS: readonly Reaction[] = [
  () => undefined,
  () => {
    throw new Error("a handler's own");
  },
  () => {
    throw undefined as unknown as Error;
  },
  () => {
    throw hostile as Error;
  },
  (world) => world.gate(),
  () => Promise.reject(new Error("a handler's own, later")),
  async () => Promise.resolve(),
  () => eager,
  (world, client) => world.send(client, 0),
  (world, client) => {
    for (let i = 0; i < 20; i++) world.send(client, i);
  },
  (world, client) => {
    world.terminate(client, 4001, "from a callback");
  },
  (world, client) => {
    world.terminate(client);
    world.send(client, 1);
  },
  (world) => {
    world.goDown(0);
  },
  (world) => {
    world.goDown(1);
  },
  (_world, client) => client.wire.destroy(),
  async (world, client) => {
    await world.gate();
    world.send(client, 2);
    world.terminate(client, 1000);
  },
  (world, client) => {
    world.broadcast(client, 1);
  },
];

/** How many reactions there are that change nothing: none of the others leaves the order of things to the peer alone. */
export const CALM: ReadonlySet<number> = new Set([0, 6, 7, 8, 9, 16]);

/** Changes what one callback of a client does, or all of them. */
export function behaving(world: World, client: Client, before: Behaviour, [which = 0, how = 0]: Uint8Array): Behaviour {
  const chosen = CALLBACKS[which % (CALLBACKS.length + 1)];
  const reaction = REACTIONS[how % REACTIONS.length];
  if (reaction === undefined) throw new Broken("there is no such reaction");
  if (!CALM.has(how % REACTIONS.length)) world.calm = false;
  return (callback) => (chosen === undefined || chosen === callback ? reaction(world, client) : before(callback));
}
