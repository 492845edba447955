using System.Collections;
using System.Globalization;
using System.Management.Automation;
using KlingPS.Core;
using KlingPS.Hosting;

namespace KlingPS.Display;

/// <summary>
/// Texts that may come from outside, as the views show them: without characters that control a terminal. Called by
/// KlingPS.Format.ps1xml; takes live objects and those from another session.
/// </summary>
public static class Shown
{
    /// <summary>The property of an object, with its line breaks; of a list, each of its texts.</summary>
    /// <param name="item">The object.</param>
    /// <param name="property">The property's name.</param>
    public static object? Lines(PSObject item, string property) => Value(item, property) switch
    {
        null => null,
        string text => VisibleText.Of(text),
        IEnumerable list => list.Cast<object?>().Select(Line).ToArray(),
        object other => VisibleText.Of(Text(other)),
    };

    /// <summary>The property of an object in one line.</summary>
    /// <inheritdoc cref="Lines"/>
    public static string? Line(PSObject item, string property) => Line(Value(item, property));

    /// <summary>The last part of the path that the property of an object holds: a record may have been written on another system.</summary>
    /// <inheritdoc cref="Lines"/>
    public static string? FileName(PSObject item, string property) => Text(Value(item, property)) is string path ? FileName(path) : null;

    /// <summary>The local time of day, to the millisecond, of the moment that the property of an object holds.</summary>
    /// <inheritdoc cref="Lines"/>
    public static string? Time(PSObject item, string property)
    {
        ArgumentNullException.ThrowIfNull(item);
        return Moment(item.Properties[property]?.Value)?.ToLocalTime().ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture);
    }

    /// <summary>A moment in UTC. One from another session is a bag of properties, or text.</summary>
    internal static DateTime? Moment(object? value) => WrappedObject.Unwrap(value) switch
    {
        DateTimeOffset moment => moment.UtcDateTime,
        DateTime moment => moment.ToUniversalTime(),
        _ when (value as PSObject)?.Properties[nameof(DateTimeOffset.UtcDateTime)]?.Value is DateTime moment => moment,
        _ => DateTimeOffset.TryParse(value?.ToString(), CultureInfo.InvariantCulture, out DateTimeOffset read) ? read.UtcDateTime : null,
    };

    /// <summary>The part of a path after the last separator of either kind.</summary>
    internal static string FileName(string path) => VisibleText.InLine(path[(path.LastIndexOfAny(['/', '\\']) + 1)..]);

    private static string? Line(object? value) => VisibleText.InLine(Text(value));

    private static object? Value(PSObject item, string property)
    {
        ArgumentNullException.ThrowIfNull(item);
        object? value = item.Properties[property]?.Value;
        return (value as PSObject)?.BaseObject ?? value;
    }

    private static string? Text(object? value) => value is null ? null : Convert.ToString(value, CultureInfo.CurrentCulture);
}
