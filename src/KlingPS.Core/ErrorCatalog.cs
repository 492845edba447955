using System.Collections.Frozen;
using System.Reflection;

namespace KlingPS.Core;

/// <summary>What is known about each <see cref="ErrorKind"/>: the rows are the attributes of its members.</summary>
internal static class ErrorCatalog
{
    private static readonly FrozenDictionary<ErrorKind, ErrorTraitsAttribute> s_rows = typeof(ErrorKind)
        .GetFields(BindingFlags.Public | BindingFlags.Static)
        .ToFrozenDictionary(field => (ErrorKind)field.GetValue(null)!, field => field.GetCustomAttribute<ErrorTraitsAttribute>()!);

    /// <summary>The row of a kind.</summary>
    public static ErrorTraitsAttribute Get(ErrorKind kind) => s_rows[kind];

    /// <summary>The stable error id that users see.</summary>
    public static string IdOf(ErrorKind kind) => "Kling" + kind;
}

/// <summary>The row of an error kind in the catalogue.</summary>
[AttributeUsage(AttributeTargets.Field)]
internal sealed class ErrorTraitsAttribute : Attribute
{
    /// <summary>Creates the row.</summary>
    /// <param name="category">The name of PowerShell's <c>ErrorCategory</c> for it; Core does not know PowerShell.</param>
    /// <param name="advice">What the user can do about it; <c>&lt;id&gt;</c> stands for the local id of the task the error is about.</param>
    public ErrorTraitsAttribute(string category, string advice)
    {
        Category = category;
        Advice = advice;
    }

    /// <summary>The name of PowerShell's category.</summary>
    public string Category { get; }

    /// <summary>What the user can do about it, in plain words.</summary>
    public string Advice { get; }

    /// <summary>What the user should know besides if the error is about a task.</summary>
    public string? MoreOfTask { get; init; }

    /// <summary>When the error ends the batch because every further item would meet it as well.</summary>
    public Fatality Fatal { get; init; }
}

/// <summary>When an error ends the batch.</summary>
internal enum Fatality
{
    /// <summary>It concerns its own item only.</summary>
    Never,

    /// <summary>Every further item would meet it.</summary>
    Always,

    /// <summary>Every further item would meet it if the service is down, but not if the service has only turned down this request.</summary>
    WhenServiceIsDown,
}
