using System.Globalization;
using System.Management.Automation;
using KlingPS.Core;
using KlingPS.Core.Model;
using KlingPS.Core.Reporting;

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

    /// <summary>What the user can do, with the number of the task in it if there is one to type.</summary>
    public static string AdviceOn(KlingException exception, object? target)
    {
        long? number = TaskOf(exception, target);
        string advice = exception.AdviceOn(isOfTask: number is not null);
        return VisibleText.Of(number is long id ? advice.Replace("<id>", id.ToString(CultureInfo.InvariantCulture), StringComparison.OrdinalIgnoreCase) : advice);
    }

    /// <summary>The number of the task that an error is about, if that is known.</summary>
    public static long? TaskOf(KlingException exception, object? target) => exception.TaskNumber ?? (target as KlingVideoTask)?.Id;
}
