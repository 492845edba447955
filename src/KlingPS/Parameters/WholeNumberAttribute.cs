using System.Collections;
using System.Management.Automation;
using KlingPS.Hosting;

namespace KlingPS.Parameters;

/// <summary>
/// Takes whole numbers, and text that holds one in plain digits: <c>5</c>, but neither <c>9.6</c>, which PowerShell would
/// round, nor <c>1,2</c>, which it would take for 12, nor <c>0x5</c>. Nothing, and blank text such as an empty cell of a CSV file, count as
/// a parameter that is not given.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class WholeNumberAttribute : ArgumentTransformationAttribute
{
    /// <summary>Whether nothing and blank text are refused; otherwise they count as a parameter that is not given.</summary>
    public bool IsRequired { get; init; }

    /// <summary>Whether several numbers can be given; otherwise only one.</summary>
    public bool IsList { get; init; }

    /// <summary>The largest number that the parameter can hold.</summary>
    public long Most { get; init; } = int.MaxValue;

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object? input = WrappedObject.Unwrap(inputData);
        return NumberText.IsBlank(input) && !IsRequired ? null
            : IsList && input is IEnumerable list and not string ? list.Cast<object?>().Select(Read).ToArray()
            : Read(inputData);
    }

    private long Read(object? input)
        => NumberText.Read(WrappedObject.Unwrap(input)) is not decimal number ? throw Refuse(input, "is not a whole number")
            : number != decimal.Truncate(number) ? throw Refuse(input, "is not a whole number, and is not rounded")
            : decimal.Abs(number) <= Most ? (long)number
            : throw Refuse(input, "is out of range");

    private static ArgumentTransformationMetadataException Refuse(object? input, string why)
        => RefusedInput.Create($"{NumberText.Show(input)} {why}. Write it in digits, such as 5.");
}
