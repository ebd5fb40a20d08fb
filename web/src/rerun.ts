/** A finished run: its frames, the cluster as it stood at any of its moments, and its figures over time. */

import { Cluster } from "./cluster";
import type { Kept, Mark } from "./cluster";
import type { Sample } from "./series";
import { Series } from "./series";
import type { Frame } from "./wire";

/** So many samples of a run, at most. */
const MOST_SAMPLES = 600;
/** So many frames lie between two moments that are kept, to come back to. */
const KEPT_EVERY = 100;

export class Rerun {
  readonly cluster = new Cluster();
  readonly samples: Sample[];
  readonly marks: Mark[];
  readonly from: number;
  readonly until: number;
  private next = 0;
  /** How it stood after each hundredth frame. */
  private readonly kept: Kept[] = [];
  private readonly listeners = new Set<() => void>();

  constructor(
    readonly title: string,
    readonly policy: string,
    private readonly frames: readonly Frame[],
  ) {
    this.from = frames[0]?.time ?? 0;
    this.until = frames.at(-1)?.time ?? 0;
    const whole = new Cluster();
    const series = new Series(MOST_SAMPLES, Math.max(1, (this.until - this.from) / MOST_SAMPLES));
    for (const [number, frame] of frames.entries()) {
      whole.apply(frame);
      if (number % KEPT_EVERY === 0) this.kept.push(whole.keep());
      const { time, cores, used, waiting, placed, waits } = whole;
      series.take({ time, cores, used, waiting, placed, waits });
      whole.waits = [];
    }
    this.samples = series.samples;
    this.marks = whole.marks;
    this.seek(this.from);
  }

  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Goes to a moment: from where it stands or, back or far ahead, from the last kept one before it. */
  seek(time: number): void {
    const nearest = Math.max(0, this.kept.filter((kept) => kept.time <= time).length - 1);
    const kept = this.kept[nearest];
    if (kept && (time < this.cluster.time || nearest * KEPT_EVERY > this.next + KEPT_EVERY)) {
      this.cluster.back(kept);
      this.next = nearest * KEPT_EVERY + 1;
    }
    for (;;) {
      const frame = this.frames[this.next];
      if (!frame || (frame.time > time && this.next > 0)) break;
      this.cluster.apply(frame);
      this.next += 1;
    }
    // Frames come only where something happens; ages and times go on between them.
    this.cluster.time = Math.max(time, this.from);
    this.cluster.waits = [];
    this.cluster.marks = [];
    for (const listener of this.listeners) listener();
  }
}

/** The moment that a clock shows which began at one and runs so much faster than ours. */
export function clock(from: number, elapsedMs: number, speed: number, until: number): number {
  return Math.min(until, from + elapsedMs * speed);
}

/** A speed at which a run of this length takes about a minute, as a power of ten or twice or five times one. */
export function fitting(lengthMs: number): number {
  const wanted = Math.max(1, lengthMs / 60_000);
  const power = 10 ** Math.floor(Math.log10(wanted));
  return [1, 2, 5, 10].map((step) => step * power).find((speed) => speed >= wanted) ?? 10 * power;
}
