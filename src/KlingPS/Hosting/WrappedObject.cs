using System.Management.Automation;
using System.Reflection;

namespace KlingPS.Hosting;

/// <summary>Objects that PowerShell has wrapped on their way.</summary>
internal static class WrappedObject
{
    /// <summary>The members that were added to one object. They are internal to PowerShell.</summary>
    private static readonly PropertyInfo? s_addedMembers = typeof(PSObject).GetProperty("InstanceMembers", BindingFlags.Instance | BindingFlags.NonPublic);

    /// <summary>The object itself, wrapped or not.</summary>
    public static object? Unwrap(object? value) => value is PSObject wrapped ? wrapped.BaseObject : value;

    /// <summary>What a message calls an object by its type, or by the one that it had before it came from a job or a file: <c>an object of the type Dictionary</c>.</summary>
    public static string Describe(object value)
    {
        ArgumentNullException.ThrowIfNull(value);
        string type = value is PSObject { BaseObject: PSCustomObject, TypeNames: [var name, ..] } ? name : Unwrap(value)!.GetType().Name;
        return $"an object of the type {type.Split('`', '[')[0].Split('.')[^1]}";
    }

    /// <summary>The properties that were added to an object, as Add-Member does.</summary>
    /// <returns><see langword="null"/> if they cannot be told from its own.</returns>
    public static IEnumerable<PSPropertyInfo>? FindAdded(PSObject wrapped)
        => s_addedMembers?.GetValue(wrapped) is IEnumerable<PSMemberInfo> added ? added.OfType<PSPropertyInfo>() : null;
}
