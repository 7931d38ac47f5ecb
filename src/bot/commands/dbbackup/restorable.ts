import type { RestorableSpan } from "../../../database/backup/restore-plan.ts";
import { formatMoment } from "../../format-time.ts";
import type { Texts } from "../../texts/texts.ts";

/** More would be read by nobody; the newest matter most. */
const MAX_SPANS = 6;
/** Discord shows minutes: what lies within one looks like a moment. */
const MOMENT_MS = 60_000;

/** The newest spans that can be restored, the oldest of them first. */
export function describeSpans(spans: readonly RestorableSpan[], texts: Texts): string[] {
  const words = texts.admin.backup;
  return spans
    .slice(-MAX_SPANS)
    .map(({ from, to }) =>
      to - from < MOMENT_MS
        ? words.restorableMoment(formatMoment(to, "short"))
        : words.restorableSpan(formatMoment(from, "short"), formatMoment(to, "short")),
    );
}
