using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Reflection;

namespace KlingPS.Parameters;

/// <summary>Columns of a row that ask for something which no parameter reads: the video would be made without it, and billed.</summary>
internal static class UnreadColumns
{
    private const string Shots = "several shots in one video";

    /// <summary>Features that are not offered, by the names under which they could be asked for: those of the service, and those that the parameters would have.</summary>
    private static readonly Dictionary<string, string> s_notOffered = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Shot"] = Shots,
        ["Shots"] = Shots,
        ["MultiShot"] = Shots,
        ["MultiShots"] = Shots,
        ["MultiPrompt"] = Shots,
        ["CustomizeMultiShots"] = Shots,
        ["PreferMultiShots"] = Shots,
        ["Element"] = "elements",
        ["Elements"] = "elements",
        ["KlingElements"] = "elements",
        ["BackgroundSource"] = "another source of the background",
    };

    private static readonly HashSet<string> s_images = new(StringComparer.OrdinalIgnoreCase)
    {
        "Image", "ImagePath", "SourcePath", "ImageUri", "ImageUrl", "ImageUrls", "InputUrls",
    };

    /// <summary>
    /// The members that were added to one object. They are internal to PowerShell; if they cannot be had, all properties of a file are examined, which takes
    /// longer than everything else that is done for it.
    /// </summary>
    private static readonly PropertyInfo? s_addedMembers = typeof(PSObject).GetProperty("InstanceMembers", BindingFlags.Instance | BindingFlags.NonPublic);

    /// <summary>What is wrong with a row, as a sentence that follows a colon; <see langword="null"/> if nothing is.</summary>
    /// <param name="row">The row.</param>
    /// <param name="isWithoutImage">Whether a video is to be bought without an image having been read for it.</param>
    /// <param name="command">The command that reads it.</param>
    public static string? FindProblem(PSObject row, bool isWithoutImage, CommandInfo command)
    {
        foreach (PSPropertyInfo column in ColumnsOf(row).Where(column => column.MemberType is PSMemberTypes.NoteProperty or PSMemberTypes.Property))
        {
            string name = column.Name.Replace("_", string.Empty, StringComparison.Ordinal);
            if (s_notOffered.TryGetValue(name, out string? what) && IsAsked(column.Value))
            {
                return $"its column '{column.Name}' asks for {what}, which KlingPS does not offer for any model; the service would make and bill a video without it. Empty the column, or give it another name if it says something else.";
            }

            if (isWithoutImage && s_images.Contains(name) && IsAsked(column.Value))
            {
                return $"its column '{column.Name}' names an image that {command.Name} does not read, and the video would be made and billed without it. {Advise(command)}";
            }
        }

        return null;
    }

    /// <summary>The properties that may be columns. The properties that every file has ask for nothing.</summary>
    private static IEnumerable<PSPropertyInfo> ColumnsOf(PSObject row)
        => row.BaseObject is FileSystemInfo && s_addedMembers?.GetValue(row) is IEnumerable<PSMemberInfo> added ? added.OfType<PSPropertyInfo>() : row.Properties;

    private static string Advise(CommandInfo command) => command.Parameters.ContainsKey("ImageUri")
        ? "Call the column Path, or ImageUri if it holds an address."
        : "Call the column Path if it holds the path of a file; images at an address are for New-KlingVideoTask.";

    private static bool IsAsked(object? value) => (value is PSObject wrapped ? wrapped.BaseObject : value) switch
    {
        null or false => false,
        string text => !string.IsNullOrWhiteSpace(text) && !text.Trim().Equals("false", StringComparison.OrdinalIgnoreCase),
        IEnumerable list => list.GetEnumerator().MoveNext(),
        var other => !string.IsNullOrWhiteSpace(Convert.ToString(other, CultureInfo.InvariantCulture)),
    };
}
