import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { GROUP_SIZE } from "../load/job.ts";

/** The routes of a server. All servers give the same answers. */
export const ROUTES = ["/echo", "/json", "/fan", "/broadcast", "/publish", "/history", "/groups"] as const;

/** One of {@link ROUTES}. */
export type Route = (typeof ROUTES)[number];

/** The route of this process: `node ws.js /echo`. Some servers are configured for one route. */
export function routeFromArguments(): Route {
  const route = ROUTES.find((each) => each === process.argv[2]);
  if (route === undefined) throw new RangeError(`the first argument must be one of ${ROUTES.join(" ")}`);
  return route;
}

/** The name of the group of the connection with this number: 10 connections are in each. */
export function groupOf(connection: number): string {
  return `group:${Math.floor(connection / GROUP_SIZE)}`;
}

/** The path of a request target, without the query. */
export function pathOf(target: string | undefined): string {
  const text = target ?? "/";
  const query = text.indexOf("?");
  return query < 0 ? text : text.slice(0, query);
}

/**
 * Tells the benchmark the port of the server, and obeys its commands: a byte on standard input means a garbage collection,
 * and its end means the end of the process (so that no server continues after a benchmark was killed).
 *
 * @param port - the port that the system chose
 * @param collect - runs the garbage collector; by default that of Node
 */
export function announce(port: number, collect: () => void = collectNodeGarbage): void {
  process.stdin.on("data", () => {
    collect();
    process.stdout.write("collected\n");
  });
  process.stdin.on("end", () => process.exit(0));
  process.stdout.write(`listening ${port}\n`);
}

/** Collects the garbage of this process. The flag is set only now, so that the server otherwise runs with Node's default flags. */
export function collectNodeGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
}
