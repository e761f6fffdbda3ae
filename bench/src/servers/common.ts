import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { GROUP_SIZE } from "../load/job.ts";

/** The routes of a server. All servers give the same answers. */
export const ROUTES = ["/echo", "/json", "/fan", "/broadcast", "/publish", "/history", "/groups", "/topics"] as const;

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

/** What a connection of `/topics` asks for: `subscribe FIRST COUNT` or `publish TOPIC`, with the numbers of topics. */
export type TopicCommand = { readonly subscribe: readonly string[] } | { readonly publish: string };

/** Reads a command. */
export function topicCommandOf(text: string): TopicCommand {
  const [name, first = "", count = "1"] = text.split(" ");
  const topics = Array.from({ length: Number(count) }, (_, index) => `topic:${Number(first) + index}`);
  return name === "publish" ? { publish: topics[0] ?? "" } : { subscribe: topics };
}

/** What is published there. */
export const TOPIC_MESSAGE = "x".repeat(100);

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
