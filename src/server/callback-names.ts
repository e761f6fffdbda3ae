import { similarName } from "../util/similar.ts";

/** The callbacks of a server's handler. */
export const SERVER_CALLBACKS = ["onConnection", "onOpen", "onTerminate", "onError", "onRefused"] as const;

/** The callbacks of a connection's handler. */
export const CONNECTION_CALLBACKS = ["onOpen", "onMessage", "onDrain", "onError", "onTerminate"] as const;

/** What other libraries call a callback. */
const ALIASES: Readonly<Record<string, string>> = {
  onclose: "onTerminate",
  onclosed: "onTerminate",
  onend: "onTerminate",
  ondisconnect: "onTerminate",
  onconnect: "onConnection",
  onlisten: "onOpen",
  onlistening: "onOpen",
  ondata: "onMessage",
};

/** Methods of a handler that are never called, because a callback has another name: the warning for each. */
export function misspeltCallbacks(handler: object, callbacks: readonly string[]): string[] {
  try {
    return methodNames(handler).flatMap((name) => {
      if (!/^on./i.test(name) || callbacks.includes(name)) return [];
      const meant = meantBy(name, callbacks);
      // The handler may use such a name itself, if it has the callback too.
      if (meant === undefined || typeof (handler as Record<string, unknown>)[meant] === "function") return [];
      return [`A handler has the method ${name}, which is never called: did you mean ${meant}?`];
    });
  } catch {
    // A proxy or a getter may throw.
    return [];
  }
}

function meantBy(name: string, callbacks: readonly string[]): string | undefined {
  const alias = Object.hasOwn(ALIASES, name.toLowerCase()) ? ALIASES[name.toLowerCase()] : undefined;
  return alias !== undefined && callbacks.includes(alias) ? alias : similarName(name, callbacks);
}

/** The names of an object's methods, and of those of its classes. */
function methodNames(handler: object): string[] {
  const names: string[] = [];
  for (let one: object | null = handler; one !== null && one !== Object.prototype; one = Reflect.getPrototypeOf(one)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(one)))
      if (typeof value === "function") names.push(name);
  }
  return names;
}
