using System.Globalization;
using System.Text;

namespace KlingPS.Core.Reporting;

/// <summary>Writes metrics in the text format of Prometheus: each family with its help, its type and its samples. The text ends with a line end.</summary>
/// <remarks>A family without a sample is left out: to a monitor, no value is not the same as zero.</remarks>
internal sealed class MetricText
{
    private readonly StringBuilder _text = new();

    /// <summary>Adds a family of gauges.</summary>
    /// <param name="name">Its name, with the unit at its end.</param>
    /// <param name="help">What it is, in one sentence.</param>
    /// <param name="samples">The values, each with its labels; those that are <see langword="null"/> are left out.</param>
    public void Gauge(string name, string help, IEnumerable<(decimal? Value, (string Name, string Value)[] Labels)> samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        bool isFirst = true;
        foreach ((decimal? value, (string Name, string Value)[] labels) in samples)
        {
            if (value is not decimal number)
            {
                continue;
            }

            if (isFirst)
            {
                _text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {Escape(help)}\n# TYPE {name} gauge\n");
                isFirst = false;
            }

            string pairs = string.Join(',', labels.Select(label => $"{label.Name}=\"{Escape(label.Value).Replace("\"", "\\\"", StringComparison.Ordinal)}\""));
            _text.Append(CultureInfo.InvariantCulture, $"{name}{(pairs.Length == 0 ? string.Empty : $"{{{pairs}}}")} {number:0.######}\n");
        }
    }

    /// <inheritdoc/>
    public override string ToString() => _text.ToString();

    private static string Escape(string text)
        => text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\r\n", "\n", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
}
