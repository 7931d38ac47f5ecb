/** ECharts in one file: it loads in a tenth of the time that its hundreds of modules take. */
declare module "echarts/dist/echarts.esm.min" {
  export { init } from "echarts";
}
