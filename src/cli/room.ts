/** Room that work takes up while it is done, such as memory. */
export class Room {
  readonly #size: number;
  #used = 0;
  #waiting: (() => void)[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  /** Does the work once there is room for it; what needs more than there is, when it is alone. */
  async during<T>(need: number, work: () => Promise<T>): Promise<T> {
    while (this.#used > 0 && this.#used + need > this.#size) {
      await new Promise<void>((resume) => this.#waiting.push(resume));
    }
    this.#used += need;
    try {
      return await work();
    } finally {
      this.#used -= need;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const resume of waiting) resume();
    }
  }
}
