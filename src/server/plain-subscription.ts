import type { JoinOptions } from "../topics/history-context.ts";
import type { Subscription } from "./subscription.ts";

/** A subscription to a topic without history: nothing of before is there. */
export function plainSubscription(topic: string, join: JoinOptions, live: boolean): Subscription {
  return { topic, position: undefined, recovered: plainRecovered(join), replayed: 0, live, remote: true };
}

/** Whether a topic without history has everything since a position: never, if one was given. */
export function plainRecovered({ since }: Pick<JoinOptions, "since">): false | undefined {
  return since === undefined ? undefined : false;
}
