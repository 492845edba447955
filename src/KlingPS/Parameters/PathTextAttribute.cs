using System.Collections;
using System.Management.Automation;
using KlingPS.Core;
using KlingPS.Hosting;

namespace KlingPS.Parameters;

/// <summary>
/// Takes text and files for paths, and nothing else from the pipeline: PowerShell would take a whole row of a CSV file, as text, for a
/// path. A row without a path may be for a video that is made from a prompt alone. Input that a command can read nothing from is not a path
/// either, and reaches it as a row without one: see <see cref="UnreadableInput"/>.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class PathTextAttribute : ArgumentTransformationAttribute
{
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object? input = WrappedObject.Unwrap(inputData);
        object?[] values = input is IEnumerable list and not (string or IDictionary) ? [.. list.Cast<object?>().Select(WrappedObject.Unwrap)] : [input];

        // If the cast of pipeline input fails, the binder skips it and tries the other parameters.
        return values.All(IsPath)
            ? inputData
            : UnreadableInput.IsAny(inputData) ? Array.Empty<string>()
            : throw new ArgumentTransformationMetadataException(VisibleText.InLine($"'{inputData}' is not a path.", RefusedInput.LongestMessage), new PSInvalidCastException());
    }

    private static bool IsPath(object? value) => value is null or IConvertible or FileSystemInfo or PathInfo or Uri;
}
