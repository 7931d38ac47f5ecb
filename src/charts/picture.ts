import type { HealthSample } from "../database/health/health-types.ts";
import type { UsageReport } from "../store/usage-report.ts";
import type { ChartOption, ChartSpan } from "./chart-option.ts";
import { healthOverviewChart } from "./health-overview-chart.ts";
import { darkTheme, type ChartTheme } from "./theme.ts";
import { thinSamples } from "./thin-samples.ts";
import { usageOverviewChart } from "./usage-charts.ts";

/** What a picture shows, as plain data: it is sent to the thread that draws. */
export type Picture =
  | { readonly kind: "health"; readonly samples: readonly HealthSample[]; readonly span: ChartSpan }
  | { readonly kind: "usage"; readonly report: UsageReport };

export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** In Discord's dark theme: a card somewhat darker than the messages, with room around. */
const pictureTheme: ChartTheme = {
  ...darkTheme,
  background: "#1e1f22",
  fontFamily: "DejaVu Sans",
  fontSize: 13,
};
/** As wide as Discord shows a picture in an embed, so that the text is as large as what stands around it. */
const SIZES: Readonly<Record<Picture["kind"], PictureSize>> = {
  health: { width: 600, height: 360 },
  usage: { width: 600, height: 400 },
};
/** More would be several to a pixel column. */
const MAX_SAMPLES = 180;

export function planPicture(picture: Picture): PictureSize & { readonly option: ChartOption } {
  const option =
    picture.kind === "health"
      ? healthOverviewChart(thinSamples(picture.samples, MAX_SAMPLES), pictureTheme, picture.span)
      : usageOverviewChart(picture.report, pictureTheme);
  return { ...SIZES[picture.kind], option };
}
