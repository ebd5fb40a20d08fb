/** Small parts that several views are made of. */

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import type { Standing } from "../live";
import { Problem } from "../api";
import { moment, span } from "../quantity";

/** A state by a sign and a word, so that its colour is only an addition. */
const SIGNS: Record<string, string> = {
  accepted: "○", queued: "○", blocked: "◌", ready: "○", deploying: "◐", scheduled: "◐", running: "●", migrating: "⇄", stopping: "◓",
  lost: "?", succeeded: "✓", failed: "✗", stopped: "■", skipped: "–", joining: "+", unreachable: "×", draining: "▽", left: "–",
};

export function State({ of }: { of: string }): JSX.Element {
  return (
    <span class={`state state-${of}`}>
      <span aria-hidden="true">{SIGNS[of] ?? "·"}</span> {of}
    </span>
  );
}

/** What was refused, why, and what to do. */
export function Trouble({ problem }: { problem: Problem }): JSX.Element {
  return (
    <div class="notice bad" role="alert">
      <strong>{problem.title}.</strong> {problem.detail}. <span>{problem.fix}</span> <code>{problem.code}</code>
    </div>
  );
}

/** Nothing is there: why, and what to do next. */
export function Empty({ children }: { children: ComponentChildren }): JSX.Element {
  return <div class="empty">{children}</div>;
}

export function Loading(): JSX.Element {
  return (
    <div class="empty" aria-busy="true">
      Asking the system …
    </div>
  );
}

/** A time in the past, and how long ago that is. */
export function When({ at, now }: { at: string | null | undefined; now: number }): JSX.Element {
  if (!at) return <span>–</span>;
  const time = Date.parse(at);
  return (
    <time dateTime={at} title={at}>
      {moment(time)} <small>({span(now - time)} ago)</small>
    </time>
  );
}

export interface Asked<T> {
  value: T | null;
  problem: Problem | null;
  again: () => void;
}

/** What an address answers, asked again every so often while the view is open. */
export function useAsked<T>(ask: (signal: AbortSignal) => Promise<T>, key: string, everyMs: number): Asked<T> {
  const [value, setValue] = useState<T | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [turn, setTurn] = useState(0);
  const asking = useRef(ask);
  asking.current = ask;
  useEffect(() => {
    setValue(null);
    setProblem(null);
  }, [key]);
  useEffect(() => {
    const abort = new AbortController();
    let timer = 0;
    const round = async (): Promise<void> => {
      try {
        setValue(await asking.current(abort.signal));
        setProblem(null);
      } catch (error) {
        if (abort.signal.aborted) return;
        setProblem(error instanceof Problem ? error : Problem.unreachable());
      }
      if (!abort.signal.aborted && everyMs > 0) timer = window.setTimeout(() => void round(), everyMs);
    };
    void round();
    return () => {
      abort.abort();
      window.clearTimeout(timer);
    };
  }, [key, everyMs, turn]);
  return { value, problem, again: () => setTurn((before) => before + 1) };
}

/** Something that is done only after it was said what will happen. */
export interface Deed {
  name: string;
  /** What will happen, in a sentence. */
  will: string;
  run: () => Promise<unknown>;
}

/** Buttons for deeds; each asks first. */
export function Deeds({ deeds, done }: { deeds: readonly Deed[]; done: () => void }): JSX.Element {
  const [chosen, choose] = useState<Deed | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [said, say] = useState("");
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (chosen) dialog.current?.showModal();
  }, [chosen]);
  const close = (): void => {
    dialog.current?.close();
    choose(null);
  };
  const go = async (deed: Deed): Promise<void> => {
    close();
    setProblem(null);
    try {
      await deed.run();
      say(`${deed.name}: on its way.`);
      done();
    } catch (error) {
      say("");
      setProblem(error instanceof Problem ? error : Problem.unreachable());
    }
  };
  return (
    <div class="deeds">
      {deeds.map((deed) => (
        <button type="button" key={deed.name} onClick={() => choose(deed)}>
          {deed.name} …
        </button>
      ))}
      <span role="status">{said}</span>
      {problem && <Trouble problem={problem} />}
      <dialog ref={dialog} aria-labelledby="deed-name" onClose={() => choose(null)}>
        {chosen && (
          <>
            <h2 id="deed-name">{chosen.name}?</h2>
            <p>{chosen.will}</p>
            <div class="row">
              <button type="button" class="main" onClick={() => void go(chosen)}>
                {chosen.name}
              </button>
              <button type="button" onClick={close}>
                Leave it
              </button>
            </div>
          </>
        )}
      </dialog>
    </div>
  );
}

/** How the connection is, always in sight. */
export function Connection({ standing }: { standing: Standing }): JSX.Element {
  const words = {
    connecting: ["◌", "connecting"],
    live: ["●", "live"],
    locked: ["▣", "token needed"],
    lost: ["○", "disconnected"],
  }[standing.kind];
  return (
    <span class={`connection ${standing.kind}`} role="status">
      <span aria-hidden="true">{words[0]}</span> {words[1]}
    </span>
  );
}
