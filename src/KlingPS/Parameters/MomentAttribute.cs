using System.Management.Automation;
using KlingPS.Hosting;

namespace KlingPS.Parameters;

/// <summary>Takes a moment with an offset, as the objects of this module have it, which PowerShell does not turn into one on the user's clock.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class MomentAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
        => WrappedObject.Unwrap(inputData) is DateTimeOffset moment ? moment.LocalDateTime : inputData;

    /// <summary>A moment on the user's clock, exactly; nothing was requested before 1970, and the end of time has no time zones.</summary>
    /// <param name="moment">As it was given.</param>
    public static DateTimeOffset? Read(DateTime? moment)
        => moment is not DateTime given ? null
            : given.Year < DateTimeOffset.UnixEpoch.Year ? DateTimeOffset.UnixEpoch
            : given.Year == DateTime.MaxValue.Year ? DateTimeOffset.MaxValue
            : new DateTimeOffset(given);
}
