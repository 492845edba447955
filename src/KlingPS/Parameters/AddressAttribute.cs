using System.Management.Automation;
using KlingPS.Hosting;

namespace KlingPS.Parameters;

/// <summary>
/// Reads an address that is given to a parameter as text. PowerShell itself would repeat an unreadable one in its error, with a password
/// that it may contain.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class AddressAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        object? value = WrappedObject.Unwrap(inputData);
        return value is not string text ? inputData
            : Uri.TryCreate(text.Trim(), UriKind.RelativeOrAbsolute, out Uri? uri) ? uri
            : throw new ArgumentTransformationMetadataException("This is not an address. It is not repeated here, because there may be a password in it.");
    }
}
