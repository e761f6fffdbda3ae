/**
 * The paths of routes, as Fastify writes them: `/chats/:id`, `/files/*`. It tells whether a request may be for one of them: Fastify
 * itself decides, so a path is rather taken than left to other listeners. It needs one look at each part of a path.
 */
export class RoutePaths {
  readonly #routes: (readonly string[])[] = [];

  /** Adds the URL of a route. */
  add(url: string): void {
    this.#routes.push(partsOf(url));
  }

  /** Whether a path may be for one of the routes. */
  has(path: string): boolean {
    const parts = partsOf(decoded(path));
    return this.#routes.some((route) => fits(route, parts));
  }
}

/** Without empty parts: Fastify may be told to ignore a slash at the end, or two in a row. */
function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "");
}

function decoded(path: string): string {
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}

function fits(route: readonly string[], parts: readonly string[]): boolean {
  for (const [i, expected] of route.entries()) {
    // A wildcard, or a regular expression, which may have slashes.
    if (expected.includes("*") || expected.includes("(")) return true;
    const isParameter = /(?:^|[^:]):(?!:)/.test(expected);
    const part = parts[i];
    if (part === undefined) return isParameter && expected.endsWith("?") && i === route.length - 1;
    if (!isParameter && expected.replaceAll("::", ":").toLowerCase() !== part.toLowerCase()) return false;
  }
  return parts.length === route.length;
}
