using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace KlingPS.Tests.Shared;

/// <summary>One value of a metric.</summary>
internal sealed record PrometheusSample(string Name, IReadOnlyDictionary<string, string> Labels, double Value);

/// <summary>
/// Reads the text format of Prometheus as strictly as it is described: help and type once for each family and before its samples, families
/// in one piece, no series twice, names and escapes as they may be, a line end at the end.
/// </summary>
internal static partial class PrometheusText
{
    public static IReadOnlyList<PrometheusSample> Read(string text)
    {
        Require(text.Length == 0 || text.EndsWith('\n'), "The last line has no end.");
        Require(!text.Contains('\r', StringComparison.Ordinal), "There is a carriage return.");
        var samples = new List<PrometheusSample>();
        var series = new HashSet<string>();
        var done = new HashSet<string>();
        string? family = null;
        bool hasType = false;
        foreach (string line in text.Split('\n').SkipLast(1))
        {
            if (line.StartsWith("# HELP ", StringComparison.Ordinal))
            {
                string[] parts = line.Split(' ', 4);
                Require(parts.Length == 4 && parts[3].Length > 0, $"There is no help in '{line}'.");
                Require(Name().IsMatch(parts[2]), $"'{parts[2]}' is no name of a metric.");
                Require(done.Add(parts[2]), $"{parts[2]} comes twice.");
                Unescape(parts[3], isLabel: false);
                (family, hasType) = (parts[2], false);
            }
            else if (line.StartsWith("# TYPE ", StringComparison.Ordinal))
            {
                Require(!hasType && line == $"# TYPE {family} gauge", $"'{line}' does not follow the help of its family.");
                hasType = true;
            }
            else
            {
                Match match = Sample().Match(line);
                Require(match.Success, $"'{line}' is no sample.");
                Require(hasType && match.Groups["name"].Value == family, $"'{line}' is not in its family.");
                Require(series.Add(match.Groups["series"].Value), $"'{line}' comes twice.");
                var labels = new Dictionary<string, string>();
                foreach (Match label in Label().Matches(match.Groups["labels"].Value))
                {
                    labels.Add(label.Groups["name"].Value, Unescape(label.Groups["value"].Value, isLabel: true));
                }

                samples.Add(new PrometheusSample(family!, labels, double.Parse(match.Groups["value"].Value, NumberStyles.Float, CultureInfo.InvariantCulture)));
            }
        }

        return samples;
    }

    private static string Unescape(string text, bool isLabel)
    {
        var result = new StringBuilder();
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\')
            {
                i++;
                Require(i < text.Length && (text[i] is '\\' or 'n' || (isLabel && text[i] == '"')), $"There is no such escape in '{text}'.");
                result.Append(text[i] == 'n' ? '\n' : text[i]);
            }
            else
            {
                result.Append(text[i]);
            }
        }

        return result.ToString();
    }

    private static void Require(bool condition, string problem) => Assert.True(condition, problem);

    [GeneratedRegex("^[a-zA-Z_:][a-zA-Z0-9_:]*$")]
    private static partial Regex Name();

    [GeneratedRegex("""^(?<series>(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?<labels>[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\.)*"(?:,[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\.)*")*)\})?) (?<value>-?[0-9]+(?:\.[0-9]+)?)$""")]
    private static partial Regex Sample();

    [GeneratedRegex("""(?<name>[a-zA-Z_][a-zA-Z0-9_]*)="(?<value>(?:[^"\\]|\\.)*)(?:",?|$)""")]
    private static partial Regex Label();
}
