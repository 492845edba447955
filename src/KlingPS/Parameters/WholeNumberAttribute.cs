using System.Management.Automation;

namespace KlingPS.Parameters;

/// <summary>
/// Takes whole numbers, and text that holds one in plain digits: <c>5</c>, but neither <c>9.6</c>, which PowerShell would
/// round, nor <c>0x5</c>. Nothing, and blank text such as an empty cell of a CSV file, count as a parameter that is not given.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class WholeNumberAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object? input = NumberText.Unwrap(inputData);
        return NumberText.IsBlank(input) ? null
            : NumberText.Read(input) is not decimal number ? throw Refuse(inputData, "is not a whole number")
            : number != decimal.Truncate(number) ? throw Refuse(inputData, "is not a whole number, and is not rounded")
            : number is >= int.MinValue and <= int.MaxValue ? (int)number
            : throw Refuse(inputData, "is out of range");
    }

    private static ArgumentTransformationMetadataException Refuse(object input, string why)
        => RefusedInput.Create($"{NumberText.Show(input)} {why}. Write it in digits, such as 5.");
}
