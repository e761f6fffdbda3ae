/** The result of `send`. */
export const SendResult = {
  /** The message was dropped. */
  dropped: 0,
  /** The message was accepted, but more than `highWaterMark` bytes wait: the caller should wait. */
  acceptedAndSlow: 1,
  /** The message was accepted. */
  accepted: 2,
} as const;

/** One of the values of `SendResult`. */
export type SendResult = (typeof SendResult)[keyof typeof SendResult];
