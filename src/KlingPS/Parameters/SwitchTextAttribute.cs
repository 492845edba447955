using System.Management.Automation;
using KlingPS.Hosting;

namespace KlingPS.Parameters;

/// <summary>Lets a switch take <c>true</c> and <c>false</c>, as in a column of a CSV file; blank text means that it is not given.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class SwitchTextAttribute : ArgumentTransformationAttribute
{
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
        => WrappedObject.Unwrap(inputData) switch
        {
            null or DBNull => default(SwitchParameter),
            SwitchParameter given => given,
            bool given => new SwitchParameter(given),
            string text when string.IsNullOrWhiteSpace(text) => default(SwitchParameter),
            string text => Read(text.Trim()),
            int number and (0 or 1) => new SwitchParameter(number == 1),
            _ => throw RefusedInput.Create($"'{inputData}' is neither true nor false."),
        };

    private static SwitchParameter Read(string text) => text.TrimStart('$').ToLowerInvariant() switch
    {
        "true" or "yes" or "on" or "1" => new SwitchParameter(true),
        "false" or "no" or "off" or "0" => new SwitchParameter(false),
        _ => throw RefusedInput.Create($"'{text}' is neither true nor false."),
    };
}
