/** Light, dark, or as the system has it; kept for the next time. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

const THEMES = ["system", "light", "dark"] as const;
const KEY = "wharfinger-theme";

export function Colours(): JSX.Element {
  const [theme, setTheme] = useState(localStorage.getItem(KEY) ?? "system");
  useEffect(() => {
    document.documentElement.dataset["theme"] = theme;
    localStorage.setItem(KEY, theme);
    document.dispatchEvent(new Event("themechange"));
  }, [theme]);
  return (
    <label>
      Colours{" "}
      <select value={theme} onChange={(event) => setTheme(event.currentTarget.value)}>
        {THEMES.map((word) => (
          <option key={word}>{word}</option>
        ))}
      </select>
    </label>
  );
}
