using System.Globalization;
using System.Management.Automation;
using System.Text.RegularExpressions;
using KlingPS.Hosting;

namespace KlingPS.Parameters;

/// <summary>
/// Takes a moment with an offset, as the objects of this module have it, which PowerShell does not turn into one on the user's clock; and a day as
/// the tables show it, 2026-11-29, which PowerShell would look up in the calendar of the culture. Refuses numbers, of which it would make ticks.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed partial class MomentAttribute : ArgumentTransformationAttribute
{
    private const string Form = "Write a date, such as 2026-11-29, or a date and a time: '2026-11-29 14:00'.";

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData) => WrappedObject.Unwrap(inputData) switch
    {
        DateTimeOffset moment => moment.LocalDateTime,
        string text when Iso().IsMatch(text) => DateTime.TryParse(text, CultureInfo.InvariantCulture, out DateTime moment) ? moment : throw RefusedInput.Create($"'{text}' is not a moment. {Form}"),
        not string and var number when NumberText.Read(number) is not null => throw RefusedInput.Create($"{NumberText.Show(number)} is a number and not a moment. {Form}"),
        _ => inputData,
    };

    /// <summary>A moment on the user's clock, exactly; nothing was requested before 1970, and the end of time has no time zones.</summary>
    /// <param name="moment">As it was given.</param>
    public static DateTimeOffset? Read(DateTime? moment)
        => moment is not DateTime given ? null
            : given.Year < DateTimeOffset.UnixEpoch.Year ? DateTimeOffset.UnixEpoch
            : given.Year == DateTime.MaxValue.Year ? DateTimeOffset.MaxValue
            : new DateTimeOffset(given);

    [GeneratedRegex(@"^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])", RegexOptions.CultureInvariant)]
    private static partial Regex Iso();
}
