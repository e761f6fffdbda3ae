import type { NodeOptions } from "crossws/adapters/node";

import { warnOfUnheard } from "../../connection/dispatch/unheard-errors.ts";
import { isThenable } from "../../util/thenable.ts";
import type { Warnings } from "../../util/warnings.ts";
import { failConnection } from "../listener-work.ts";
import { NO_HOOKS } from "./crossws-server.ts";
import type { CrosswsSocket } from "./crossws-socket.ts";

/** The hooks of crossws. */
export type CrosswsHooks = NonNullable<NodeOptions["hooks"]>;

type Resolve = NonNullable<NodeOptions["resolve"]>;
type PeerHook = (peer: Peer, ...more: never[]) => unknown;

/** What a hook that fails is known by. */
interface Peer {
  readonly websocket: unknown;
}

/** The hooks that crossws calls of a connection, and does not wait for. So it is with `error`. */
const OF_PEERS = ["open", "message", "close", "drain", "pong"] as const;

/** The hooks of a path that has none. */
const REFUSING = { upgrade: () => ({ perMessageDeflate: NO_HOOKS }) } as unknown as Partial<CrosswsHooks>;

const PING = "The hook ping is never called: the library answers pings itself";

/**
 * The same hooks, whose failures end their connection, as those of a handler do. crossws waits for none of them but `upgrade`: what they
 * reject with would end the process. What `upgrade` fails with, crossws answers 500 to, and tells nobody.
 */
export function supervisedHooks(hooks: Partial<CrosswsHooks>, warnings: Warnings): Partial<CrosswsHooks> {
  if (hooks.ping !== undefined) warnings.warn(PING, { code: "HWS_CALLBACK_NAME", text: () => PING });
  const supervised: Record<string, unknown> = {};
  const { upgrade } = hooks;
  if (upgrade !== undefined) supervised["upgrade"] = reporting(upgrade, warnings);
  for (const name of OF_PEERS) {
    const hook = hooks[name] as PeerHook | undefined;
    if (hook !== undefined) supervised[name] = supervise(hook, failPeer);
  }
  // It would be told of its own failure again.
  const warn = (_peer: Peer, failure: unknown): void => {
    warnOfUnheard(warnings, failure);
  };
  if (hooks.error !== undefined) supervised["error"] = supervise(hooks.error as unknown as PeerHook, warn);
  return supervised;
}

/** Whether there is a hook among them. They may be those of a class. */
export function hasHooks(hooks: Partial<CrosswsHooks> | null | undefined): boolean {
  return [...OF_PEERS, "upgrade" as const, "error" as const, "ping" as const].some(
    (name) => hooks?.[name] !== undefined,
  );
}

/**
 * The same function, whose hooks are supervised. It is called before there is a connection.
 *
 * @param isAlone whether the application has no common hooks: a path for which the function has none either is then refused
 */
export function supervisedResolve(resolve: Resolve, warnings: Warnings, isAlone: boolean): Resolve {
  // What the application has for a route is looked at once.
  const known = new WeakMap<object, Partial<CrosswsHooks>>();
  return reporting(async (request: Parameters<Resolve>[0]) => {
    const hooks = (await resolve(request)) as Partial<CrosswsHooks> | null | undefined;
    if (hooks === null || hooks === undefined || !hasHooks(hooks)) return isAlone ? REFUSING : {};
    let supervised = known.get(hooks);
    if (supervised === undefined) known.set(hooks, (supervised = supervisedHooks(hooks, warnings)));
    return supervised;
  }, warnings);
}

function supervise(hook: PeerHook, fail: (peer: Peer, error: unknown) => void): PeerHook {
  return (peer, ...more) => {
    const failed = (error: unknown): void => {
      fail(peer, error);
    };
    try {
      const result = hook(peer, ...more);
      return isThenable(result) ? Promise.resolve(result).catch(failed) : result;
    } catch (error) {
      failed(error);
      return;
    }
  };
}

function failPeer(peer: Peer, error: unknown): void {
  failConnection((peer.websocket as CrosswsSocket).connection, error);
}

/** The same function, which warns of its failures. A response that is thrown refuses the client. */
export function reporting<Asked extends unknown[], Result>(
  ask: (...asked: Asked) => Result | Promise<Result>,
  warnings: Warnings,
): (...asked: Asked) => Promise<Result> {
  return async (...asked) => {
    try {
      return await ask(...asked);
    } catch (error) {
      if (!isResponse(error) && !isResponse((error as { readonly response?: unknown } | null)?.response))
        warnOfUnheard(warnings, error);
      throw error;
    }
  };
}

/** The same for a function that crossws does not wait for: it refuses with 500 what this throws for, and tells nobody. */
export function reportingNow<Request, Result>(
  ask: (request: Request) => Result,
  warnings: Warnings,
): (request: Request) => Result {
  return (request) => {
    try {
      return ask(request);
    } catch (error) {
      warnOfUnheard(warnings, error);
      throw error;
    }
  };
}

function isResponse(value: unknown): boolean {
  return value instanceof Response;
}
