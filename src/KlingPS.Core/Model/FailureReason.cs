using System.Text.RegularExpressions;

namespace KlingPS.Core.Model;

/// <summary>What the service's own words say about why a video was not made.</summary>
internal static partial class FailureReason
{
    /// <summary>
    /// Whether the service says that it could not fetch, or not read, what the video was to be made from. Its wording is known in a few
    /// cases only, so this errs on the side of yes, which costs an upload and no money.
    /// </summary>
    /// <param name="message">What the service says.</param>
    public static bool BlamesFiles(string? message) => message is not null && Thing().IsMatch(message) && Trouble().IsMatch(message);

    /// <summary>Why a task has no video, to complete a sentence: <c>: no faces (code 501)</c>.</summary>
    /// <param name="code">The service's code, if it gave one.</param>
    /// <param name="message">What the service said, or what became of the request; it may name the code already.</param>
    /// <returns>An empty text if neither is known.</returns>
    public static string Describe(string? code, string? message)
    {
        string text = message?.TrimEnd('.', ' ') is { Length: > 0 } said ? $": {said}" : string.Empty;
        return string.IsNullOrEmpty(code) || Regex.IsMatch(text, $@"\bcode {Regex.Escape(code)}(?!\w)", RegexOptions.CultureInvariant) ? text : $"{text} (code {code})";
    }

    /// <summary>A word of its own, or a part of the name of a field, such as tail_image_url.</summary>
    [GeneratedRegex(@"(?<![\p{L}\p{N}])(images?|img|pictures?|photos?|audio|frames?|files?|urls?|uris?|links?|inputs?|media|resources?|address(es)?)(?![\p{L}\p{N}])", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Thing();

    [GeneratedRegex(
        @"fetch|download|retriev|access|reach|\bload|\bopen|\bread|expired?\b|not found|not exist|no longer|missing|unavailable|not available|invalid|forbidden|denied|\b(403|404|410)\b",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Trouble();
}
