using System.Globalization;
using System.Text;
using KlingPS.Core.Api;
using KlingPS.Core.Model;

namespace KlingPS.Core.Gallery;

/// <summary>Writes the commands that a card offers, so that they can be pasted into PowerShell as they are.</summary>
internal sealed class CommandLine
{
    /// <summary>Stands for a file that was uploaded from elsewhere. The address of the upload soon expires, and contains the account's number.</summary>
    private const string Uploaded = "<the file that was uploaded>";

    private readonly StringBuilder _text = new();
    private string? _head;

    private CommandLine(string command) => _text.Append(command);

    /// <summary>The command that makes a video, from whatever it was made from.</summary>
    /// <param name="spec">The video.</param>
    /// <param name="image">How the image is named, if not by its own path.</param>
    /// <param name="take">Which variant.</param>
    /// <param name="destination">The folder it goes to; <see langword="null"/> if that is not said.</param>
    /// <param name="more">Further parameters, with a space before them.</param>
    /// <returns><see langword="null"/> if it is not known what the video was made from.</returns>
    public static CardCommand? Make(VideoSpec spec, string? image, int take, string? destination, string more = "")
    {
        ArgumentNullException.ThrowIfNull(spec);
        if (spec.Main is null && spec.Prompt is null)
        {
            return null;
        }

        // What lies at an address is for New-KlingVideoTask, which has no takes: it always buys.
        bool isAddress = spec.Image is { IsFile: false } address && PathOf(address) is null && image is null;
        var line = new CommandLine(isAddress ? "New-KlingVideoTask" : "ConvertTo-KlingVideo");
        line.AddText(isAddress ? "ImageUri" : "LiteralPath", isAddress ? spec.Image!.Uri : image ?? PathOf(spec.Image));
        line.AddPrompt(spec.Prompt);
        line.AddText("NegativePrompt", spec.NegativePrompt);
        line.Add("Duration", spec.Duration);
        line.AddText("AspectRatio", spec.AspectRatio);
        line.AddText("Resolution", spec.Resolution);
        line._text.Append(spec.Sound ? " -Sound" : string.Empty);
        line.Add("CfgScale", spec.CfgScale);
        line.AddSource("TailImage", spec.TailImage);
        line.AddTexts("ReferenceImagePath", spec.ReferenceImages.Select(PathOf).OfType<string>());
        line.AddTexts("ReferenceImageUri", spec.ReferenceImages.Where(source => PathOf(source) is null).Select(source => source.Uri ?? string.Empty));
        line.AddSource("Video", spec.Video);
        line.AddSource("Audio", spec.Audio);
        line.AddText("CharacterOrientation", spec.CharacterOrientation);
        line.AddText("Model", spec.Model == ModelCatalog.DefaultId ? null : spec.Model);
        line.AddText("Name", spec.Image is null ? spec.Name : null);
        if (isAddress)
        {
            line._text.Append(" | Wait-KlingVideoTask | Save-KlingVideo");
            line.AddText("Destination", destination);
        }
        else
        {
            line.Add("Take", take == 1 ? null : take);
            line.AddText("Destination", destination);
            line._text.Append(more);
        }

        return line.ToCommand();
    }

    /// <summary>A command that gets a video that is made or being made.</summary>
    /// <param name="task">Its task.</param>
    /// <param name="isRecorded">Whether the local id means this task.</param>
    /// <param name="destination">The folder it goes to.</param>
    /// <param name="waits">Whether the video is still being made.</param>
    public static CardCommand Save(KlingVideoTask task, bool isRecorded, string destination, bool waits)
    {
        CommandLine line = Find(task, isRecorded);
        line._text.Append(waits ? " | Wait-KlingVideoTask | Save-KlingVideo" : " | Save-KlingVideo");
        line.AddText("Destination", destination);
        return line.ToCommand();
    }

    /// <summary>A command that shows a task.</summary>
    /// <inheritdoc cref="Save"/>
    public static CardCommand Get(KlingVideoTask task, bool isRecorded) => Find(task, isRecorded).ToCommand();

    /// <summary>A command that settles a task of the ledger.</summary>
    /// <param name="task">The task.</param>
    /// <param name="how">The parameters that say how.</param>
    public static CardCommand Resolve(KlingVideoTask task, string how)
        => new(string.Create(CultureInfo.InvariantCulture, $"Resolve-KlingVideoTask {task.Id} {how}"));

    private static CommandLine Find(KlingVideoTask task, bool isRecorded)
    {
        var line = new CommandLine("Get-KlingVideoTask");
        if (isRecorded || task.TaskId is null)
        {
            line.Add("Id", task.Id);
        }
        else
        {
            line.AddText("TaskId", task.TaskId);
        }

        return line;
    }

    private void AddPrompt(string? prompt)
    {
        if (prompt is not null && PowerShellText.IsPlain(prompt) && VisibleText.Of(prompt) == prompt)
        {
            _head = _text.Append(" -Prompt '").ToString();
            _text.Clear().Append('\'');
        }
        else
        {
            AddText("Prompt", prompt);
        }
    }

    private void AddSource(string parameter, MediaSource? source)
    {
        AddText(parameter + "Path", PathOf(source));
        AddText(parameter + "Uri", PathOf(source) is null ? source?.Uri : null);
    }

    private static string? PathOf(MediaSource? source) => source?.Path ?? (ServiceAddress.FindAccountNumber(source?.Uri) is null ? null : Uploaded);

    private void AddText(string parameter, string? value)
    {
        if (value is not null)
        {
            _text.Append(CultureInfo.InvariantCulture, $" -{parameter} {PowerShellText.Quote(value)}");
        }
    }

    private void AddTexts(string parameter, IEnumerable<string> values)
        => _text.Append(string.Join(", ", values.Select(PowerShellText.Quote)) is { Length: > 0 } list ? $" -{parameter} {list}" : string.Empty);

    private void Add(string parameter, IFormattable? value)
    {
        if (value is not null)
        {
            _text.Append(CultureInfo.InvariantCulture, $" -{parameter} {value}");
        }
    }

    private CardCommand ToCommand() => _head is null ? new CardCommand(_text.ToString()) : new CardCommand(_head, _text.ToString());
}
