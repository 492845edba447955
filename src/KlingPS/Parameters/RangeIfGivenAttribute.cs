using System.Globalization;
using System.Management.Automation;

namespace KlingPS.Parameters;

/// <summary>The range of an optional number. PowerShell's own attribute would refuse a missing value, which is what a blank cell means.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class RangeIfGivenAttribute(double least, double most) : ValidateArgumentsAttribute
{
    protected override void Validate(object arguments, EngineIntrinsics engineIntrinsics)
    {
        if (arguments is not null && !(Convert.ToDouble(arguments, CultureInfo.InvariantCulture) is double number && number >= least && number <= most))
        {
            throw RefusedInput.CreateOutOfRange(string.Create(CultureInfo.InvariantCulture, $"{arguments} is not in the range of {least} to {most}."));
        }
    }
}
