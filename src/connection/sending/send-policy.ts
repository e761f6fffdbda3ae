import type { SendingSettings } from "./settings.ts";

/** The policy, among the settings. */
type Policy = Pick<SendingSettings, "sendQueuePolicy">;

/** Whether the policy drops messages that wait already. */
export function dropsQueued({ sendQueuePolicy }: Policy): boolean {
  return sendQueuePolicy === "drop-oldest" || sendQueuePolicy === "latest";
}

/**
 * Whether a full queue closes the connection. With "latest", not while a message is being prepared: the peer may not be slow at all.
 *
 * @param isPreparing whether a message is being prepared
 */
export function closesWhenFull({ sendQueuePolicy }: Policy, isPreparing: boolean): boolean {
  return sendQueuePolicy === "terminate" || (sendQueuePolicy === "latest" && !isPreparing);
}
