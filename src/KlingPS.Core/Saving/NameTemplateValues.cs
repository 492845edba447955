namespace KlingPS.Core.Saving;

/// <summary>What the tokens of a <see cref="NameTemplate"/> stand for in one video's name.</summary>
public sealed record NameTemplateValues
{
    /// <summary>
    /// The image's file, or its address if it was given as one; null when neither is known.
    /// Gives <c>{BaseName}</c> (the name without extension; the task id when there is none) and <c>{Directory}</c>
    /// (the name of the folder it is in).
    /// </summary>
    public string? Source { get; init; }

    /// <summary>The place of the video in this run, from 1: <c>{Index}</c>.</summary>
    public required int Index { get; init; }

    /// <summary>The service's id of the task: <c>{TaskId}</c>.</summary>
    public required string TaskId { get; init; }

    /// <summary>The local id of the task: <c>{Id}</c>.</summary>
    public required long Id { get; init; }

    /// <summary>When the task was created: <c>{Date}</c>, as a clock in <see cref="TimeZone"/> shows it.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>The zone <c>{Date}</c> is told in; the machine's own unless set.</summary>
    public TimeZoneInfo TimeZone { get; init; } = TimeZoneInfo.Local;

    /// <summary>The length of the video in seconds: <c>{Duration}</c>.</summary>
    public required int Duration { get; init; }

    /// <summary>Which of several deliberate variants of the same image this is: <c>{Take}</c>.</summary>
    public int Take { get; init; } = 1;

    internal string BaseName => Path.GetFileNameWithoutExtension(SourcePath) is { Length: > 0 } name ? name : TaskId;

    internal string Directory => Path.GetFileName(Path.GetDirectoryName(SourcePath)) ?? string.Empty;

    /// <summary>The file's path, or the path part of the image's address.</summary>
    private string SourcePath =>
        Source is not null
        && (Source.StartsWith("https://", StringComparison.OrdinalIgnoreCase) || Source.StartsWith("http://", StringComparison.OrdinalIgnoreCase))
        && Uri.TryCreate(Source, UriKind.Absolute, out Uri? address)
            ? Uri.UnescapeDataString(address.AbsolutePath)
            : Source ?? string.Empty;
}
