using System.Collections;
using System.Management.Automation;
using KlingPS.Hosting;

namespace KlingPS.Parameters;

/// <summary>Says how to give a key to whoever gives it as text, which PowerShell does not turn into a SecureString.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class SecretTextAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
        => IsText(inputData) || (WrappedObject.Unwrap(inputData) is IList list && list.Cast<object?>().Any(IsText))
            ? throw new ArgumentTransformationMetadataException(
                "A key is taken as a SecureString and not as text, which the history of the shell would keep. To be asked for it: (Read-Host -AsSecureString). For a text in a variable: (ConvertTo-SecureString $text -AsPlainText).")
            : inputData;

    private static bool IsText(object? value) => WrappedObject.Unwrap(value) is string;
}
