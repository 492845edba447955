namespace KlingPS.Bench.Goals;

/// <summary>One row of the results.</summary>
/// <param name="What">What was measured.</param>
/// <param name="Goal">What it has to be; empty for a figure that only explains another.</param>
/// <param name="Measured">What it is.</param>
/// <param name="IsMet">Whether that is good enough; <see langword="null"/> without a goal.</param>
/// <param name="Yardstick">What it was measured against in the same run, with its value; empty where the goal stands by itself.</param>
internal sealed record Figure(string What, string Goal, string Measured, bool? IsMet = null, string Yardstick = "")
{
    /// <summary>A figure that has to be small.</summary>
    /// <param name="what">What was measured.</param>
    /// <param name="most">The largest value that meets the goal.</param>
    /// <param name="measured">The value.</param>
    /// <param name="unit">The unit of both; × for a multiple of the yardstick.</param>
    /// <param name="yardstick">What it was measured against in the same run, with its value.</param>
    /// <param name="more">What else there is to say, such as the spread; in brackets after the value.</param>
    public static Figure AtMost(string what, double most, double measured, string unit, string yardstick = "", string more = "")
        => new(what, $"≤ {most:0.###} {unit}", Text(measured, unit, more), measured <= most, yardstick);

    /// <summary>A figure that has to be large.</summary>
    /// <inheritdoc cref="AtMost"/>
    public static Figure AtLeast(string what, double least, double measured, string unit, string yardstick = "", string more = "")
        => new(what, $"≥ {least:0.###} {unit}", Text(measured, unit, more), measured >= least, yardstick);

    /// <summary>A row of the table that <see cref="GoalsMode"/> writes.</summary>
    /// <param name="load">The load average before it was measured.</param>
    public string ToRow(string load)
    {
        string met = IsMet switch { true => "yes", false => "**no**", null => string.Empty };
        string[] cells = [What, Goal, Measured, Yardstick, met, load];
        return $"| {string.Join(" | ", cells.Select(cell => cell.Trim().Replace("|", "\\|", StringComparison.Ordinal)))} |";
    }

    private static string Text(double value, string unit, string more)
    {
        string number = Math.Abs(value) switch { < 10 => $"{value:0.00}", < 100 => $"{value:0.0}", _ => $"{value:0}" };
        return $"{number} {unit}{(more.Length > 0 ? $" ({more})" : string.Empty)}";
    }
}
