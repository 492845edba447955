using System.Management.Automation;
using KlingPS.Hosting;

namespace KlingPS.Parameters;

/// <summary>Refuses a text, or one of several, that is empty or only has blanks: most likely it is a variable that was never set rather than a name.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class NotBlankAttribute : ValidateEnumeratedArgumentsAttribute
{
    /// <inheritdoc/>
    protected override void ValidateElement(object element)
    {
        if (string.IsNullOrWhiteSpace(WrappedObject.Unwrap(element)?.ToString()))
        {
            throw new ValidationMetadataException("The argument is empty, or has nothing but blanks.");
        }
    }
}
