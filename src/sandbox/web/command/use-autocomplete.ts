import { useEffect, useState } from "react";
import { actAs } from "../api.ts";
import { useWorld } from "../live/live-store.ts";
import { toOptionValues, type CommandEntry, type CommandOption, type FieldValues } from "./command-model.ts";
import type { Suggestion } from "./suggestions.ts";

const DEBOUNCE_MS = 200;
/** A bot that has nothing to offer may have it soon, for instance when its database is back. */
const ASK_AGAIN_MS = 1_500;

export type Autocompletion =
  { readonly kind: "none" | "asking" | "failed" } | { readonly kind: "offered"; readonly items: readonly Suggestion[] };

/** What the bot offers for the option that is being typed; asked a moment after the last key. */
export function useAutocomplete(
  channelId: string,
  entry: CommandEntry,
  { option, values }: { readonly option: CommandOption | undefined; readonly values: FieldValues },
): Autocompletion {
  const { userId } = useWorld();
  const [answer, setAnswer] = useState<Autocompletion>({ kind: "none" });
  const isAsked = option?.autocomplete === true;
  const focused = option?.name ?? "";
  const typed = values[focused];
  const question = isAsked && typed?.chosen === undefined ? JSON.stringify(values) : undefined;
  useEffect(() => {
    if (question === undefined) {
      setAnswer({ kind: "none" });
      return undefined;
    }
    let isCurrent = true;
    let timer = 0;
    const askLater = (delayMs: number): void => {
      timer = window.setTimeout(() => void ask(), delayMs);
    };
    setAnswer((known) => (known.kind === "offered" ? known : { kind: "asking" }));
    const ask = async (): Promise<void> => {
      const others = { ...(JSON.parse(question) as FieldValues) };
      const text = others[focused]?.text ?? "";
      const options = { ...toOptionValues(entry, others), [focused]: text };
      try {
        const choices = await actAs(userId).autocomplete(channelId, entry.path, { options, focused });
        const items = choices.map(({ name, value }) => ({ key: String(value), label: name, value }));
        if (!isCurrent) return;
        setAnswer({ kind: "offered", items });
        if (items.length === 0) askLater(ASK_AGAIN_MS);
      } catch {
        if (!isCurrent) return;
        setAnswer({ kind: "failed" });
        askLater(ASK_AGAIN_MS);
      }
    };
    askLater(DEBOUNCE_MS);
    return () => {
      isCurrent = false;
      window.clearTimeout(timer);
    };
  }, [question, focused, channelId, userId, entry]);
  return answer;
}
