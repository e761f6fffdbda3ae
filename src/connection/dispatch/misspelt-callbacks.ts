import { similarName } from "../../util/similar.ts";

/** What other libraries call a callback: the first one counts that the handler may have. */
const ALIASES: Readonly<Record<string, readonly string[]>> = {
  onclose: ["onTerminate"],
  onclosed: ["onTerminate"],
  onend: ["onTerminate"],
  ondisconnect: ["onTerminate"],
  ondisconnected: ["onTerminate"],
  onconnect: ["onConnection", "onOpen"],
  onconnected: ["onConnection", "onOpen"],
  onreconnect: ["onReconnected"],
  onlisten: ["onOpen"],
  onlistening: ["onOpen"],
  ondata: ["onMessage"],
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
  const aliases = Object.hasOwn(ALIASES, name.toLowerCase()) ? ALIASES[name.toLowerCase()] : undefined;
  return aliases?.find((alias) => callbacks.includes(alias)) ?? similarName(name, callbacks);
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
