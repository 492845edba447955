using System.Collections;
using System.Globalization;
using System.Management.Automation;
using KlingPS.Hosting;

namespace KlingPS.Parameters;

/// <summary>
/// Takes text, and joins the lines of a text, as <c>Get-Content</c> gives them. Refuses anything else: PowerShell would use
/// the name of its type or, for a file, its path.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class PlainTextAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object? input = WrappedObject.Unwrap(inputData);
        return input switch
        {
            null or DBNull or string or ValueType or Uri or Version => inputData,
            IEnumerable lines and not IDictionary => string.Join('\n', lines.Cast<object?>().Select(line => ReadLine(WrappedObject.Unwrap(line)))),
            _ => throw Refuse(input),
        };
    }

    private static string? ReadLine(object? line) => line is null or string or char ? Convert.ToString(line, CultureInfo.InvariantCulture) : throw Refuse(line);

    private static ArgumentTransformationMetadataException Refuse(object input) => RefusedInput.Create(
        input is FileSystemInfo file ? $"'{file.FullName}' is a file and not text. For the text in it, give (Get-Content -Raw '{file.FullName}')."
            : $"What was given is {WrappedObject.Describe(input)}, which is not text.");
}
