using System.Globalization;
using System.Management.Automation;
using KlingPS.Core;
using KlingPS.Core.Model;

namespace KlingPS.Hosting;

/// <summary>Makes every error record of the module from the catalogue: stable id, fitting category, and what to do about it.</summary>
internal static class ErrorRecords
{
    /// <summary>The record of an error.</summary>
    /// <param name="exception">What happened.</param>
    /// <param name="target">The file or the task it happened to.</param>
    public static ErrorRecord From(KlingException exception, object? target)
    {
        ErrorTraitsAttribute row = ErrorCatalog.Get(exception.Kind);
        var record = new ErrorRecord(exception, ErrorCatalog.IdOf(exception.Kind), Enum.Parse<ErrorCategory>(row.Category), target)
        {
            ErrorDetails = new ErrorDetails(exception.Message) { RecommendedAction = AdviceOn(exception, target) },
        };
        record.CategoryInfo.TargetName = VisibleText.InLine(record.CategoryInfo.TargetName);
        return record;
    }

    /// <summary>What the user can do, with the number of the task in it where there is one to type.</summary>
    public static string AdviceOn(KlingException exception, object? target)
        => Fill(exception.Advice ?? AdviceOn(exception.Kind, target), (target as KlingVideoTask)?.Id ?? exception.TaskNumber);

    /// <summary>What the user can do about any error of a kind.</summary>
    public static string AdviceOn(ErrorKind kind, object? target) => Fill(ErrorCatalog.Get(kind).Advice, (target as KlingVideoTask)?.Id);

    private static string Fill(string advice, long? number)
        => VisibleText.Of(number is long id ? advice.Replace("<id>", id.ToString(CultureInfo.InvariantCulture), StringComparison.OrdinalIgnoreCase) : advice);
}
