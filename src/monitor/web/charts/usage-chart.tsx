import { useMemo, type ReactNode } from "react";
import { darkTheme, lightTheme } from "../../../charts/theme.ts";
import { usageByDayChart } from "../../../charts/usage-charts.ts";
import type { UsageReport } from "../../api-types.ts";
import { formatPlural } from "../text/format.ts";
import { useIsDark } from "../theme.ts";
import { Chart } from "./chart.tsx";

/** The use of commands, day by day. */
export function UsageChart({ usage }: { usage: UsageReport }): ReactNode {
  const isDark = useIsDark();
  const option = useMemo(() => usageByDayChart(usage, isDark ? darkTheme : lightTheme), [usage, isDark]);
  const description = `${formatPlural(usage.total, "command")} on ${formatPlural(usage.byDay.length, "day")}`;
  return <Chart title="Commands by day" description={description} option={option} isLinked={false} />;
}
