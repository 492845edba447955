using KlingPS.Core.Network;

namespace KlingPS.Core.Model;

/// <summary>What a video is made from, such as the image it starts with: the content of a local file, or whatever an address leads to.</summary>
internal sealed record MediaSource
{
    private MediaSource(bool isFile)
    {
        IsFile = isFile;
    }

    /// <summary>
    /// Whether the content of a local file is meant. Otherwise the address says what it is, and <see cref="Path"/>, if there is
    /// one, only what had been uploaded there.
    /// </summary>
    public bool IsFile { get; }

    /// <summary>The full path of the file; or the path of the file that was uploaded to the address, as another machine may have named it.</summary>
    public string? Path { get; init; }

    /// <summary>
    /// The SHA-256 of the content, in lower-case hex; <see langword="null"/> until a file has been read, and for every address but that of
    /// an upload for which it is known.
    /// </summary>
    public string? Hash { get; init; }

    /// <summary>Where the service fetches it from; <see langword="null"/> until a file has been uploaded.</summary>
    public string? Uri { get; init; }

    /// <summary>Whether it is the content of a file whose path is known: the file itself, or an upload whose content is known.</summary>
    public bool IsOfFile => Path is not null && (IsFile || Hash is not null);

    /// <summary>How a message names it: by its path, else by its address.</summary>
    public string Subject => Path ?? (Uri is null ? string.Empty : AddressPolicy.MaskUser(Uri));

    /// <summary>The content of a local file.</summary>
    /// <param name="path">The full path.</param>
    public static MediaSource FromFile(string path) => new(isFile: true) { Path = path };

    /// <summary>A file on the web.</summary>
    /// <param name="uri">Its address; http or https.</param>
    /// <param name="uploadedFrom">The file that was uploaded to it, for the record. It is not read.</param>
    public static MediaSource FromUri(string uri, string? uploadedFrom = null) => new(isFile: false) { Uri = uri, Path = uploadedFrom };

    /// <summary>Whether its address counts as it is spelled, as in earlier records: see <see cref="VideoSpec.ListIdentities"/>.</summary>
    internal bool IsAsSpelled { get; init; }

    /// <summary>What tells it from every other: its content, whose address changes with every upload; else what the address leads to.</summary>
    /// <exception cref="InvalidOperationException">The file has not been read yet.</exception>
    internal string GetContent() => IsFile
        ? Hash ?? throw new InvalidOperationException($"'{Path}' has not been read yet, so it is not known what it is.")
        : Hash ?? (IsAsSpelled || Uri is null ? Uri : AddressedContent.Of(Uri)) ?? string.Empty;
}
