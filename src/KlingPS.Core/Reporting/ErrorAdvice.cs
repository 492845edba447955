using KlingPS.Core.Files;

namespace KlingPS.Core.Reporting;

/// <summary>What a user can do about an error.</summary>
internal static class ErrorAdvice
{
    /// <summary>The advice of this very error, or else what fits its cause, or else what the catalogue says about its kind.</summary>
    /// <param name="error">The error.</param>
    /// <param name="isOfTask">Whether it is known which task it is about. Then <c>&lt;id&gt;</c> stands for its local id.</param>
    public static string AdviceOn(this KlingException error, bool isOfTask)
    {
        ArgumentNullException.ThrowIfNull(error);
        if (error.Advice is not null)
        {
            return error.Advice;
        }

        ErrorTraitsAttribute traits = ErrorCatalog.Get(error.Kind);
        string advice = FileTrouble.FindRemedy(error) ?? traits.Advice;
        return isOfTask && traits.MoreOfTask is string more ? $"{advice} {more}" : advice;
    }
}
