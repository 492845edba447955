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

    /// <summary>A word of its own, or a part of the name of a field, such as tail_image_url.</summary>
    [GeneratedRegex(@"(?<![\p{L}\p{N}])(images?|img|pictures?|photos?|audio|frames?|files?|urls?|uris?|links?|inputs?|media|resources?|address(es)?)(?![\p{L}\p{N}])", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Thing();

    [GeneratedRegex(
        @"fetch|download|retriev|access|reach|\bload|\bopen|\bread|expired?\b|not found|not exist|no longer|missing|unavailable|not available|invalid|forbidden|denied|\b(403|404|410)\b",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Trouble();
}
