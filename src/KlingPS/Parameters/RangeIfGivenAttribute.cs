using System.Globalization;
using System.Management.Automation;

namespace KlingPS.Parameters;

/// <summary>The range of a number that need not be given. PowerShell's own attribute refuses nothing at all, which a blank cell stands for.</summary>
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
