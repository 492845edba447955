using System.Globalization;
using System.Management.Automation;

namespace KlingPS.Parameters;

/// <summary>
/// Takes nothing and blank text, as an empty cell of a CSV file gives it, for a number that is not given, or for its default. Refuses other text that is
/// no number: PowerShell itself would leave out such a value from the pipeline without a word.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class BlankAsAttribute : ArgumentTransformationAttribute
{
    private readonly object? _value;

    public BlankAsAttribute()
    {
    }

    public BlankAsAttribute(int value)
    {
        _value = value;
    }

    public BlankAsAttribute(double value)
    {
        _value = value;
    }

    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData)
        => (inputData is PSObject wrapped ? wrapped.BaseObject : inputData) switch
        {
            null => _value,
            string text when string.IsNullOrWhiteSpace(text) => _value,
            string text when !double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _)
                => throw new ArgumentTransformationMetadataException($"'{text}' is not a number."),
            _ => inputData,
        };
}
