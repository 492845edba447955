using System.Management.Automation;

namespace KlingPS.Parameters;

/// <summary>
/// Reads an address that a parameter is given as text. PowerShell itself would repeat one that it cannot read in its error, with a password
/// that may be in it.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class AddressAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        object? value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        return value is not string text ? inputData
            : Uri.TryCreate(text.Trim(), UriKind.RelativeOrAbsolute, out Uri? uri) ? uri
            : throw new ArgumentTransformationMetadataException("This is not an address. It is not repeated here, because there may be a password in it.");
    }
}
