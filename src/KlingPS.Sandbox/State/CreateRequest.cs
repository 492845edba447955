namespace KlingPS.Sandbox.State;

/// <summary>A create request that passed validation.</summary>
internal sealed record CreateRequest
{
    internal required string Model { get; init; }

    internal required string Prompt { get; init; }

    internal required Uri ImageUri { get; init; }

    internal Uri? TailImageUri { get; init; }

    /// <summary>The length of the video in seconds, 5 or 10.</summary>
    internal required int Duration { get; init; }

    /// <summary>The price.</summary>
    internal required decimal Credits { get; init; }

    /// <summary>The text of that name in recordInfo, with the input encoded twice and the defaults filled in.</summary>
    internal required string Param { get; init; }

    /// <summary>The body as received.</summary>
    internal required string Body { get; init; }

    /// <summary>Where the end of the task is to be reported.</summary>
    internal Uri? Callback { get; init; }
}
