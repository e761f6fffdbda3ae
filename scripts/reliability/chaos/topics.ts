/** The topic in which some clients are present. It has no history. */
export const PRESENCE_TOPIC = "who";

/** The client that is told who comes and goes. It is not present itself. */
export const OBSERVER = "observer";

/** One topic in this number has no history. */
const PLAIN = 4;

/** The nth topic: three of four have a history. */
export function topicName(n: number): string {
  return `${n % PLAIN === PLAIN - 1 ? "p" : "h"}/${String(n)}`;
}

/** Whether a topic has a history. */
export function hasHistory(topic: string): boolean {
  return topic.startsWith("h/");
}
