/** Who must meet a requirement. `other` is neither server nor client: a proxy, a web page, the author of an extension. */
export type Role = "server" | "client" | "both" | "other";

/** `shown`: a test proves it. `later`: its code does not exist yet. `not-applicable`: it does not concern this package. */
export type Status = "shown" | "later" | "not-applicable";

/** One requirement of a specification. */
export interface Requirement {
  /** Document, section, and a number or a word: `6455-5.1-3`, `4D-2-open-once`. Tests refer to it. */
  readonly id: string;
  readonly role: Role;
  /** The requirement in our words, in one line. */
  readonly text: string;
  readonly status: Status;
  /** Why there is no test. Empty when the status is `shown`. */
  readonly why: string;
  /** Other ids whose tests show this requirement too. */
  readonly shownBy: readonly string[];
}

/** One section of a specification. Every id in it starts with `prefix` and a hyphen. */
export interface Section {
  readonly prefix: string;
  readonly title: string;
  readonly requirements: readonly Requirement[];
}

/**
 * A requirement that tests show.
 *
 * @param id - its id
 * @param role - who must meet it
 * @param text - the requirement, in one line
 * @param shownBy - other ids whose tests show it too
 */
export function shown(id: string, role: Role, text: string, shownBy: readonly string[] = []): Requirement {
  return { id, role, text, status: "shown", why: "", shownBy };
}

/**
 * A requirement whose code does not exist yet.
 *
 * @param id - its id
 * @param text - the requirement, in one line
 */
export function later(id: string, text: string): Requirement {
  return { id, role: "client", text, status: "later", why: "its code is not written yet", shownBy: [] };
}

/**
 * A requirement that does not concern this package.
 *
 * @param id - its id
 * @param role - who must meet it
 * @param text - the requirement, in one line
 * @param why - why it does not concern this package
 */
export function notApplicable(id: string, role: Role, text: string, why: string): Requirement {
  return { id, role, text, status: "not-applicable", why, shownBy: [] };
}
