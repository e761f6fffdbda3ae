import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** What the benchmark asks of a server: the same answers from all of them. */
export const ROUTES = ["/echo", "/json", "/fan", "/broadcast"] as const;

/** One of {@link ROUTES}. */
export type Route = (typeof ROUTES)[number];

/** The route this process was started for: `node ws.js /echo`. Some servers set themselves up for one kind of work. */
export function routeFromArguments(): Route {
  const route = ROUTES.find((each) => each === process.argv[2]);
  if (route === undefined) throw new RangeError(`the first argument is one of ${ROUTES.join(" ")}`);
  return route;
}

/** Path of a request target, without its query. */
export function pathOf(target: string | undefined): string {
  const text = target ?? "/";
  const query = text.indexOf("?");
  return query < 0 ? text : text.slice(0, query);
}

/**
 * Tells the benchmark where the server listens, then serves it: a byte on standard input asks for a garbage collection,
 * its end for the end of the process (so that no server outlives a benchmark that was killed).
 *
 * @param port - the port the system chose
 * @param collect - runs the garbage collector; Node's when left out
 */
export function announce(port: number, collect: () => void = collectNodeGarbage): void {
  process.stdin.on("data", () => {
    collect();
    process.stdout.write("collected\n");
  });
  process.stdin.on("end", () => process.exit(0));
  process.stdout.write(`listening ${port}\n`);
}

/** Collects the garbage of this process, now. The flag is set at the moment it is needed, so that the server runs as Node is installed. */
export function collectNodeGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
}
