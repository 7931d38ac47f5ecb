import { drawChart } from "./draw-chart.ts";
import { planPicture, type Picture } from "./picture.ts";

/** What the drawing process answers to each picture that it is sent. */
export type Drawn = { readonly png: Uint8Array } | { readonly error: string };

// When whoever was to get the pictures is gone, nothing keeps this process any longer.
process.on("message", (picture: Picture) => void process.send!(draw(picture)));

function draw(picture: Picture): Drawn {
  try {
    const { option, ...size } = planPicture(picture);
    return { png: drawChart(option, size) };
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
