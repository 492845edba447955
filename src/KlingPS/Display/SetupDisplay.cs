using System.Management.Automation;
using KlingPS.Core.Setup;

namespace KlingPS.Display;

/// <summary>What the view of checks shows; called by KlingPS.Format.ps1xml. Takes live objects and those from another session.</summary>
public static class SetupDisplay
{
    /// <summary>The status in its colour: green, yellow, red, or grey if nothing was checked.</summary>
    /// <param name="check">The check.</param>
    public static string Status(PSObject check)
    {
        string status = Shown.Line(check, "Status") ?? string.Empty;
        string? colour = status switch
        {
            nameof(SetupStatus.Ok) => "\u001b[32m",
            nameof(SetupStatus.Warning) => "\u001b[33m",
            nameof(SetupStatus.Failed) => "\u001b[31m",
            nameof(SetupStatus.Skipped) => "\u001b[90m",
            _ => null,
        };
        return colour is null ? status : $"{colour}{status}\u001b[0m";
    }

    /// <summary>What was found, and what to do about it.</summary>
    /// <param name="check">The check.</param>
    public static string Text(PSObject check)
        => Shown.Line(check, "Advice") is { Length: > 0 } advice ? $"{Shown.Line(check, "Message")} {advice}" : Shown.Line(check, "Message") ?? string.Empty;
}
