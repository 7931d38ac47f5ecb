import { parentPort } from "node:worker_threads";
import { drawChart } from "./draw-chart.ts";
import { planPicture, type Picture } from "./picture.ts";

/** What the drawing thread answers to each picture that it is sent. */
export type Drawn = { readonly png: Uint8Array<ArrayBuffer> } | { readonly error: string };

parentPort!.on("message", (picture: Picture) => {
  const drawn = draw(picture);
  parentPort!.postMessage(drawn, "png" in drawn ? [drawn.png.buffer] : []);
});

function draw(picture: Picture): Drawn {
  try {
    const { option, ...size } = planPicture(picture);
    return { png: drawChart(option, size) };
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
