using System.Globalization;
using System.Management.Automation;
using KlingPS.Hosting;

namespace KlingPS.Parameters;

/// <summary>Turns a time span, or text that holds one, into seconds. Numbers are seconds already; PowerShell itself would take them for something else.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class SecondsAttribute : ArgumentTransformationAttribute
{
    /// <summary>Whether nothing is refused; otherwise it counts as a parameter that is not given.</summary>
    public bool IsRequired { get; init; }

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
        => WrappedObject.Unwrap(inputData) switch
        {
            null when IsRequired => throw CreateException(inputData),
            TimeSpan span => span.TotalSeconds,
            string text => FromText(text),
            DateTime or DateTimeOffset or bool => throw CreateException(inputData),
            _ => inputData,
        };

    private static double FromText(string text)
    {
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds))
        {
            return seconds;
        }

        // Without seconds, 10:00 would be ten hours to .NET and ten minutes to most people.
        return text.Count(c => c == ':') == 2 && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out TimeSpan span)
            ? span.TotalSeconds
            : throw CreateException(text);
    }

    private static ArgumentTransformationMetadataException CreateException(object? given)
        => RefusedInput.Create($"'{given}' is not a length of time. Give seconds, such as 600, or hours, minutes and seconds, such as 00:10:00.");
}
