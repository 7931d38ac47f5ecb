import { createRequire } from "node:module";
import { Resvg } from "@resvg/resvg-js";
import { init } from "echarts/dist/echarts.esm.min";
import type { ChartOption } from "./chart-option.ts";
import type { PictureSize } from "./picture.ts";

/** Twice the size that it is shown at, for sharp screens. */
const SCALE = 2;
/** Without a font file no text is drawn, and a machine of a server often has none: the font travels with the program. */
const FONT_FILES = ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"].map((file) =>
  createRequire(import.meta.url).resolve(`dejavu-fonts-ttf/ttf/${file}`),
);

/** A PNG of a chart, in tens of milliseconds: not for the main thread. */
export function drawChart(option: ChartOption, size: PictureSize): Uint8Array<ArrayBuffer> {
  const picture = new Resvg(renderSvg(option, size), {
    fitTo: { mode: "zoom", value: SCALE },
    font: { fontFiles: FONT_FILES, loadSystemFonts: false, defaultFontFamily: "DejaVu Sans" },
  });
  return new Uint8Array(picture.render().asPng());
}

function renderSvg(option: ChartOption, { width, height }: PictureSize): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
  try {
    chart.setOption(option);
    return chart.renderToSVGString();
  } finally {
    // What is not disposed of keeps timers.
    chart.dispose();
  }
}
