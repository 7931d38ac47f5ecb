/** The colours and the font of a chart. Pages may spread one and change what they like: `{ ...darkTheme, fontFamily }`. */
export interface ChartTheme {
  /** Behind the chart; `"transparent"` on a page that has its own. */
  readonly background: string;
  readonly text: string;
  readonly mutedText: string;
  readonly axisLine: string;
  readonly gridLine: string;
  readonly tooltipBackground: string;
  readonly fontFamily: string;
  readonly fontSize: number;
  /** The main series, and those beside it. */
  readonly primary: string;
  readonly secondary: string;
  readonly tertiary: string;
  readonly good: string;
  readonly warning: string;
  readonly critical: string;
}

const SANS = "system-ui, 'DejaVu Sans', sans-serif";

export const lightTheme: ChartTheme = {
  background: "transparent",
  text: "#1f2328",
  mutedText: "#59636e",
  axisLine: "#c4cad1",
  gridLine: "#e6e9ed",
  tooltipBackground: "#ffffff",
  fontFamily: SANS,
  fontSize: 12,
  primary: "#4453d6",
  secondary: "#0f8f83",
  tertiary: "#b4632a",
  good: "#1a7f4b",
  warning: "#b57a00",
  critical: "#cf3139",
};

export const darkTheme: ChartTheme = {
  background: "transparent",
  text: "#e8eaed",
  mutedText: "#a3a9b3",
  axisLine: "#4a4f59",
  gridLine: "#31353c",
  tooltipBackground: "#24272d",
  fontFamily: SANS,
  fontSize: 12,
  primary: "#8b9bff",
  secondary: "#43c7b5",
  tertiary: "#f0a46a",
  good: "#4cc38a",
  warning: "#f2b84b",
  critical: "#ff6b70",
};
