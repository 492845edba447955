using System.Management.Automation;

namespace KlingPS.Hosting;

/// <summary>Objects that PowerShell has wrapped on their way.</summary>
internal static class WrappedObject
{
    /// <summary>The object itself, wrapped or not.</summary>
    public static object? Unwrap(object? value) => value is PSObject wrapped ? wrapped.BaseObject : value;
}
