/** Numbers with their units. */

export function span(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.round((seconds % 86_400) / 3600)} h`;
}

export function memory(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let [value, unit] = [bytes, 0];
  while (value >= 1024 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit] ?? ""}`;
}

export const count = (value: number): string => Math.round(value).toLocaleString("en").replaceAll(",", "\u202f");

export const share = (value: number): string => `${(100 * value).toFixed(value > 0 && value < 0.1 ? 1 : 0)} %`;

/** A rate per second. */
export const rate = (value: number): string => `${value < 10 ? value.toFixed(1) : count(value)} /s`;

export const plural = (value: number, word: string): string => `${count(value)} ${word}${value === 1 ? "" : "s"}`;

/** A moment as a clock shows it, or, of a simulation, how long after its start. */
export function moment(time: number): string {
  // No live system's clock stands before the year 2001.
  if (time < 1e12) return span(time);
  return new Date(time).toLocaleTimeString("en-GB");
}

/** The runs of a list of cores, as a cpuset is written. */
export function cpuset(cores: readonly number[]): string {
  const parts: string[] = [];
  for (let at = 0; at < cores.length; ) {
    let end = at;
    while (cores[end + 1] === (cores[end] ?? 0) + 1) end++;
    parts.push(end > at ? `${cores[at]}-${cores[end]}` : `${cores[at]}`);
    at = end + 1;
  }
  return parts.join(",");
}
