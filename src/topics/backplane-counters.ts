/** Counts of what goes between the servers of a backplane. Messages of topics with history are counted in `HistoryCounters`. */
export interface BackplaneCounters {
  /** Messages without history, and broadcasts, that were handed to the broker for the other servers. */
  sent: number;
  /** Those that were dropped, because the broker was away or too slow. The other servers do not get them. */
  dropped: number;
  /** Messages without history, and broadcasts, that have come from the broker: `delivered + echoes + unheard + foreign`. */
  received: number;
  /** Those that were sent to a connection here. */
  delivered: number;
  /** Those that this server had sent itself. */
  echoes: number;
  /** Those for which nobody is here any more. */
  unheard: number;
  /** Bytes of the broker that are not ours, of another version, or not UTF-8. */
  foreign: number;
  /** How often the broker could be reached again. */
  reconnects: number;
}

/** Counters at zero. */
export function newBackplaneCounters(): BackplaneCounters {
  return { sent: 0, dropped: 0, received: 0, delivered: 0, echoes: 0, unheard: 0, foreign: 0, reconnects: 0 };
}
