/** Figures over time: what the server has kept, then one sample a second; when there are too many, neighbours are merged. */

export interface Sample {
  time: number;
  /** Share of the cores that are held, 0 to 1. */
  utilisation: number;
  /** Task instances that wait. */
  waiting: number;
  /** Placements a second since the sample before. */
  placements: number;
  /** Waits of the tasks that began lately, seconds; null where none did. */
  p50: number | null;
  p95: number | null;
}

/** The nearest-rank percentile of some numbers. */
export function percentile(values: readonly number[], percent: number): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? null;
}

interface Counts {
  time: number;
  cores: number;
  used: number;
  waiting: number;
  placed: number;
}

export interface Reading extends Counts {
  waits: readonly number[];
}

/** A reading that somebody else has taken. */
export interface Past extends Counts {
  p50: number | null;
  p95: number | null;
}

/** Tasks that began within this time count as lately. */
const LATELY_MS = 60_000;
const MOST_WAITS = 5_000;

export class Series {
  samples: Sample[] = [];
  private lately: { time: number; wait: number }[] = [];
  private last: Counts | null = null;

  constructor(
    private readonly most: number,
    private pitch: number,
  ) {}

  /** Takes a reading in; whether it made a sample. */
  take(reading: Reading): boolean {
    for (const wait of reading.waits) this.lately.push({ time: reading.time, wait });
    const last = this.last;
    if (last && reading.time - last.time < this.pitch) return false;
    this.lately = this.lately.filter(({ time }) => reading.time - time <= LATELY_MS).slice(-MOST_WAITS);
    const waits = this.lately.map(({ wait }) => wait);
    this.add(reading, percentile(waits, 50), percentile(waits, 95));
    return true;
  }

  /** Takes in what was missed: all of it at first, later what came while nobody answered. */
  catchUp(past: readonly Past[]): void {
    for (const one of past) if (!this.last || one.time > this.last.time) this.add(one, one.p50, one.p95);
  }

  clear(): void {
    this.samples = [];
    this.lately = [];
    this.last = null;
  }

  private add({ time, cores, used, waiting, placed }: Counts, p50: number | null, p95: number | null): void {
    const last = this.last;
    const seconds = last ? (time - last.time) / 1000 : 0;
    this.samples.push({
      time,
      utilisation: cores > 0 ? used / cores : 0,
      waiting,
      placements: last && seconds > 0 ? Math.max(0, placed - last.placed) / seconds : 0,
      p50,
      p95,
    });
    this.last = { time, cores, used, waiting, placed };
    if (this.samples.length > this.most) this.thin();
  }

  /** Half as many samples, each for twice the time: the whole stays in sight and memory is bounded. */
  private thin(): void {
    const pairs: Sample[] = [];
    for (let at = 0; at + 1 < this.samples.length; at += 2) {
      const [one, other] = [this.samples[at], this.samples[at + 1]];
      if (!one || !other) continue;
      pairs.push({
        ...other,
        utilisation: (one.utilisation + other.utilisation) / 2,
        waiting: Math.max(one.waiting, other.waiting),
        placements: (one.placements + other.placements) / 2,
      });
    }
    this.samples = pairs;
    this.pitch *= 2;
  }
}
