using System.Management.Automation;
using KlingPS.Core;
using KlingPS.Core.Model;

namespace KlingPS.Display;

/// <summary>What the view of spending shows; called by KlingPS.Format.ps1xml. Takes live objects and those from another session.</summary>
public static class SpendDisplay
{
    /// <summary>As wide as its column.</summary>
    private const int Width = 22;

    /// <summary>The group in one line, cut where that matters least: a folder at its beginning, anything else at its end. A dash if the tasks have none.</summary>
    /// <param name="spend">The object.</param>
    public static string Group(PSObject spend)
    {
        ArgumentNullException.ThrowIfNull(spend);
        string group = Shown.Line(spend, "Group") ?? "-";
        bool isFolder = Shown.Line(spend, "GroupBy") == nameof(KlingSpendGroup.Folder);
        return group.Length <= Width ? group
            : isFolder ? '…' + group[^(Width - (char.IsLowSurrogate(group[^(Width - 1)]) ? 2 : 1))..]
            : VisibleText.InLine(group, Width - 1);
    }
}
