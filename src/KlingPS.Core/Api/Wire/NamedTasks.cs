using System.Text.Json;
using System.Text.RegularExpressions;
using KlingPS.Core.Model;

namespace KlingPS.Core.Api.Wire;

/// <summary>
/// The tasks that the answer to a purchase names, wherever and however often it does: next to <c>data</c> or in it, in a list, in JSON that
/// is packed into a text, twice with different values, and even if the answer is cut off or is not JSON. Nothing else in an answer with the id
/// of a task is believed, so no id may be overlooked.
/// </summary>
/// <param name="Ids">Those that can be queried, each once.</param>
/// <param name="IsAny">Whether any is named, even by something that cannot be an id or is cut off.</param>
internal sealed partial record NamedTasks(IReadOnlyList<string> Ids, bool IsAny)
{
    /// <summary>No more are shown.</summary>
    private const int MaxIds = 3;

    /// <summary>Finds them in an answer.</summary>
    /// <param name="body">Its body, or as much of it as there is.</param>
    /// <param name="data">Its <c>data</c>, if it could be read.</param>
    public static NamedTasks Find(string body, JsonElement data)
    {
        ArgumentNullException.ThrowIfNull(body);
        string[] usual = [.. new[] { data.Text("taskId"), data.Text("recordId") }.OfType<string>().Where(ServiceTaskId.IsValid)];
        Match[] named = [.. Name().Matches(body).Where(match => !string.IsNullOrWhiteSpace(match.Groups["id"].Value))];
        IEnumerable<string> ids = named.Where(match => match.Groups["end"].Success).Select(match => match.Groups["id"].Value).Where(IsReadable);
        return new([.. usual.Concat(ids).Distinct(StringComparer.Ordinal).Take(MaxIds)], usual.Length + named.Length > 0);
    }

    /// <summary>An escape could stand for any character.</summary>
    private static bool IsReadable(string id) => ServiceTaskId.IsValid(id) && !id.Contains('\\', StringComparison.Ordinal);

    /// <summary>
    /// A field with one of the names that the service's pages and its siblings have for an id, or <c>data</c> that is nothing but an id in a
    /// form that has been seen. JSON within a text has its quotation marks escaped. An id is read no further than
    /// its first escape, so that the time this takes grows with the length of the answer and no faster.
    /// </summary>
    [GeneratedRegex(
        """\\*"(?:(?:task|record)_?id\\*"\s*:\s*(?:\\*"(?<id>[^"\\]*(?:\\+(?:[^"\\]|\z))?)(?<end>\\*")?|(?<id>[0-9]+)(?<end>\s*[,}\]])?)|data\\*"\s*:\s*\\*"(?<id>[0-9a-f]{32}|task_[0-9a-z_-]+)(?<end>\\*"))""",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Name();
}
