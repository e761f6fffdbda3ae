/** What became of the messages that were sent: `accepted` is always `written + dropped + pending`. */
export interface MessageCounters {
  /** Messages that `send` was handed while the connection was open. */
  readonly accepted: number;
  /** Messages that were handed to the operating system's stream: from here on they are TCP's. */
  readonly written: number;
  /** Messages that were given up: by the policy of a full queue, or because the connection was lost before the system had taken them. */
  readonly dropped: number;
  /** Messages that wait. */
  readonly pending: number;
}

/** No messages. */
export const NO_MESSAGES: MessageCounters = Object.freeze({ accepted: 0, written: 0, dropped: 0, pending: 0 });

/** The sum of two. */
export function addMessages(a: MessageCounters, b: MessageCounters): MessageCounters {
  return {
    accepted: a.accepted + b.accepted,
    written: a.written + b.written,
    dropped: a.dropped + b.dropped,
    pending: a.pending + b.pending,
  };
}
