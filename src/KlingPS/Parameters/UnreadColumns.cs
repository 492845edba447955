using System.Collections;
using System.Globalization;
using System.Management.Automation;
using KlingPS.Core.Imaging;
using KlingPS.Hosting;

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

    /// <summary>The parameters that name an image, by which a column that was meant for one is known.</summary>
    private static readonly string[] s_imageParameters = ["Path", "LiteralPath", "ImageUri"];

    /// <summary>What is wrong with a row, as a sentence that follows a colon; <see langword="null"/> if nothing is.</summary>
    /// <param name="row">The row.</param>
    /// <param name="isWithoutImage">Whether a video is to be bought without an image having been read for it.</param>
    /// <param name="command">The command that reads it.</param>
    /// <param name="columns">Which columns that is.</param>
    public static string? FindProblem(PSObject row, bool isWithoutImage, CommandInfo command, NearColumns columns)
    {
        foreach (PSPropertyInfo column in ColumnsOf(row).Where(column => column.MemberType is PSMemberTypes.NoteProperty or PSMemberTypes.Property))
        {
            string name = NearColumns.Squeeze(column.Name);
            if (s_notOffered.TryGetValue(name, out string? what) && IsAsked(column.Value))
            {
                return $"its column '{column.Name}' asks for {what}, which KlingPS does not offer for any model; the service would make and bill a video without it. Empty the column, or give it another name if it says something else.";
            }

            if (isWithoutImage && IsImage(column, name, columns))
            {
                return $"its column '{column.Name}' names an image that {command.Name} does not read, and the video would be made and billed without it. {Advise(command)}";
            }
        }

        return isWithoutImage && HasNothingButName(row, columns)
            ? $"what came through the pipeline is {WrappedObject.Describe(row)}, of which {command.Name} would read nothing but the name. If that is to be the name of a video, make it a row: [pscustomobject]@{{ Name = … }}."
            : null;
    }

    /// <summary>The properties that may be columns. Those that every file has ask for nothing, and to look at all of them takes longer than everything else that is done for a file.</summary>
    private static IEnumerable<PSPropertyInfo> ColumnsOf(PSObject row)
        => NearColumns.OfDatabase(row) ?? (row.BaseObject is FileSystemInfo && WrappedObject.FindAdded(row) is { } added ? added : row.Properties);

    /// <summary>Whether an object is of another kind and nothing would be read of it but its name, which almost every object has.</summary>
    private static bool HasNothingButName(PSObject row, NearColumns columns)
        => !NearColumns.IsOfTable(row) && row.BaseObject is not string
            && row.Properties["Name"] is PSPropertyInfo name && (row.BaseObject is PSCustomObject || name.MemberType != PSMemberTypes.NoteProperty)
            && !row.Properties.Any(column => columns.Reads(column.Name) && !IsName(column.Name));

    private static bool IsName(string name) => name.Equals("Name", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether a column evidently names an image, by what it is called or by what it holds. The name of a video may be that of an image which was to be piped.</summary>
    private static bool IsImage(PSPropertyInfo column, string name, NearColumns columns)
    {
        bool isKnown = s_images.Contains(name);
        bool isRead = columns.Reads(column.Name);
        if (!isKnown && isRead && !IsName(name))
        {
            return false;
        }

        object? value = ValueOf(column);
        return IsAsked(value) && (isKnown || HoldsImage(value) || s_imageParameters.Contains(columns.FindSpelled(column.Name)));
    }

    /// <summary>Whether a value is the name of an image, or a list with one in it: those of a group are files, or rows that name them.</summary>
    private static bool HoldsImage(object? value) => IsImage(value) || (WrappedObject.Unwrap(value) is IList list
        && list.Cast<object?>().Any(item => IsImage(item) || (item is PSObject { BaseObject: PSCustomObject } row && row.Properties.Any(column => IsImage(ValueOf(column))))));

    private static bool IsImage(object? value) => WrappedObject.Unwrap(value) is string or FileSystemInfo or Uri && ImageInspector.IsImageName(value!.ToString()!);

    /// <summary>What a property holds. That of an object of another kind may fail, and then says nothing.</summary>
    private static object? ValueOf(PSPropertyInfo column)
    {
        try
        {
            return column.Value;
        }
        catch (GetValueException)
        {
            return null;
        }
    }

    private static string Advise(CommandInfo command)
    {
        string advice = command.Parameters.ContainsKey("ImageUri")
            ? "Call the column Path, or ImageUri if it holds an address."
            : "Call the column Path if it holds the path of a file; images at an address are for New-KlingVideoTask.";
        return $"{advice} Files can be piped as they are, too. If no image is meant, leave the column out.";
    }

    private static bool IsAsked(object? value) => WrappedObject.Unwrap(value) switch
    {
        null or false => false,
        string text => !string.IsNullOrWhiteSpace(text) && !text.Trim().Equals("false", StringComparison.OrdinalIgnoreCase),
        IEnumerable list => list.GetEnumerator().MoveNext(),
        var other => !string.IsNullOrWhiteSpace(Convert.ToString(other, CultureInfo.InvariantCulture)),
    };
}
