/** A graph of tasks in columns: what waits for another stands to the right of it. */

export interface Placed {
  name: string;
  column: number;
  row: number;
}

/** The places of the tasks. A ring, which the interface refuses, would end in the column where it was met again. */
export function columns(tasks: ReadonlyMap<string, readonly string[]>): Placed[] {
  const depth = new Map<string, number>();
  const visit = (name: string, path: ReadonlySet<string>): number => {
    const known = depth.get(name);
    if (known !== undefined) return known;
    if (path.has(name)) return 0;
    const before = (tasks.get(name) ?? []).filter((other) => tasks.has(other));
    const found = before.length === 0 ? 0 : 1 + Math.max(...before.map((other) => visit(other, new Set([...path, name]))));
    depth.set(name, found);
    return found;
  };
  const filled = new Map<number, number>();
  return [...tasks.keys()].map((name) => {
    const column = visit(name, new Set());
    const row = filled.get(column) ?? 0;
    filled.set(column, row + 1);
    return { name, column, row };
  });
}
