/** What one client has received. */
export interface Counts {
  /** Different messages. */
  readonly delivered: number;
  /** Messages that had come before. */
  readonly doubled: number;
  /** Messages that came after a later one of the same publisher. */
  readonly outOfOrder: number;
}

/** The messages of one publisher. */
interface Received {
  readonly numbers: Set<number>;
  highest: number;
}

/** Counts the numbered messages that one client receives. */
export class Tally {
  readonly #publishers = new Map<number, Received>();
  #delivered = 0;
  #doubled = 0;
  #outOfOrder = 0;

  /** The counts so far. */
  get counts(): Counts {
    return { delivered: this.#delivered, doubled: this.#doubled, outOfOrder: this.#outOfOrder };
  }

  /** Notes a message: see {@link textOf}. */
  note(text: string): void {
    const [publisher = NaN, number = NaN] = text.split(":", 2).map(Number);
    if (!Number.isInteger(publisher) || !Number.isInteger(number))
      throw new Error(`"${text}" is no message of the test`);
    let received = this.#publishers.get(publisher);
    if (received === undefined) this.#publishers.set(publisher, (received = { numbers: new Set(), highest: 0 }));
    if (received.numbers.has(number)) {
      this.#doubled++;
      return;
    }
    received.numbers.add(number);
    this.#delivered++;
    if (number < received.highest) this.#outOfOrder++;
    else received.highest = number;
  }

  /** What is missing of each publisher, if these published this many messages in turn: how much, and between which numbers. */
  missingOf(publishers: number, published: number): string[] {
    return Array.from({ length: publishers }, (_, publisher) => {
      const most = Math.ceil((published - publisher) / publishers);
      const numbers = this.#publishers.get(publisher)?.numbers;
      const missing = Array.from({ length: most }, (_none, i) => i + 1).filter((n) => numbers?.has(n) !== true);
      return `${publisher}: ${missing.length} from ${missing[0] ?? 0} to ${missing.at(-1) ?? 0} of ${most}`;
    }).filter((line) => !line.includes(": 0 from"));
  }
}

/** A message: its publisher, its number from 1 on, and what fills it up to its size. */
export function textOf(publisher: number, number: number, size: number): string {
  return `${publisher}:${number}:`.padEnd(size, "x");
}
