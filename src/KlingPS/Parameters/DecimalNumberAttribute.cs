using System.Management.Automation;
using KlingPS.Hosting;

namespace KlingPS.Parameters;

/// <summary>
/// Takes numbers, and text that holds one in the invariant culture's form, with a point: <c>0.5</c>, but neither <c>0,5</c>, which
/// PowerShell would take for 5, nor <c>5e-1</c>. Nothing, and blank text such as an empty cell of a CSV file, count as a parameter that is
/// not given.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class DecimalNumberAttribute : ArgumentTransformationAttribute
{
    /// <summary>Whether nothing and blank text are refused; otherwise they count as a parameter that is not given.</summary>
    public bool IsRequired { get; init; }

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object? input = WrappedObject.Unwrap(inputData);
        return NumberText.IsBlank(input) && !IsRequired ? null
            : NumberText.Read(input) is decimal number ? number
            : throw RefusedInput.Create($"{NumberText.Show(inputData)} is not a number. Write it in digits with a point, such as 0.5.");
    }
}
