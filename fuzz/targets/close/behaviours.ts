import { InvariantError } from "../../engine/target.ts";
import type { Behaviour, Callback } from "../../harness/handler.ts";
import type { Simulation } from "./simulation.ts";
import type { Client } from "./client.ts";

const CALLBACKS: readonly Callback[] = ["open", "message", "error", "terminate", "drain"];

/** What a callback does. */
type Reaction = (simulation: Simulation, client: Client) => unknown;

/** A thenable that is not a `Promise`: it settles twice, and synchronously. */
const eager = {
  then: (resolve: () => void): void => {
    resolve();
    resolve();
  },
};

/** An object that throws at every access, also at the conversion to a string. */
const hostile: unknown = new Proxy(
  {},
  {
    get: () => {
      throw new Error("accessed");
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
  (simulation) => simulation.pendingPromise(),
  () => Promise.reject(new Error("a handler's own, later")),
  async () => Promise.resolve(),
  () => eager,
  (simulation, client) => simulation.send(client, 0),
  (simulation, client) => {
    for (let i = 0; i < 20; i++) simulation.send(client, i);
  },
  (simulation, client) => {
    simulation.terminate(client, 4001, "from a callback");
  },
  (simulation, client) => {
    simulation.terminate(client);
    simulation.send(client, 1);
  },
  (simulation) => {
    simulation.terminateServer(0);
  },
  (simulation) => {
    simulation.terminateServer(1);
  },
  (_simulation, client) => client.wire.destroy(),
  async (simulation, client) => {
    await simulation.pendingPromise();
    simulation.send(client, 2);
    simulation.terminate(client, 1000);
  },
  (simulation, client) => {
    simulation.broadcast(client, 1);
  },
];

/** The numbers of the reactions after which no message may be lost. */
export const HARMLESS: ReadonlySet<number> = new Set([0, 6, 7, 8, 9, 16]);

/** Changes what one callback of a client does, or what all of them do. */
export function behaving(
  simulation: Simulation,
  client: Client,
  before: Behaviour,
  [which = 0, how = 0]: Uint8Array,
): Behaviour {
  const chosen = CALLBACKS[which % (CALLBACKS.length + 1)];
  const reaction = REACTIONS[how % REACTIONS.length];
  if (reaction === undefined) throw new InvariantError("there is no such reaction");
  if (!HARMLESS.has(how % REACTIONS.length)) simulation.undisturbed = false;
  return (callback) => (chosen === undefined || chosen === callback ? reaction(simulation, client) : before(callback));
}
