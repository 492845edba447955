namespace KlingPS.Sandbox.State;

/// <summary>A create request that passed validation.</summary>
internal sealed record CreateRequest
{
    internal required string Model { get; init; }

    internal required string Prompt { get; init; }

    /// <summary>What the video is made from, each with the kind it has to be.</summary>
    internal required IReadOnlyList<(FileKind Kind, Uri Uri)> Files { get; init; }

    /// <summary>The first image; null if there is none.</summary>
    internal Uri? ImageUri => Files.Where(static file => file.Kind == FileKind.Image).Select(static file => file.Uri).FirstOrDefault();

    /// <summary>The length of the video in seconds.</summary>
    internal required int Duration { get; init; }

    /// <summary>The price.</summary>
    internal required decimal Credits { get; init; }

    /// <summary>The text of that name in recordInfo, with the input encoded twice and the defaults filled in.</summary>
    internal required string Param { get; init; }

    /// <summary>The body as received.</summary>
    internal required string Body { get; init; }

    /// <summary>Where to report the end of the task.</summary>
    internal Uri? Callback { get; init; }
}
