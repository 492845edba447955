namespace KlingPS.Core.Saving;

/// <summary>What the file beside a partial video remembers, so that a later run can tell whether it may continue.</summary>
/// <param name="Video">The SHA-256 of the video's identity; links may hold signatures, which do not belong on disk.</param>
/// <param name="EntityTag">The strong entity tag with its quotes, if the server gave one.</param>
/// <param name="LastModified">The date to continue by if there is no entity tag.</param>
/// <param name="Total">The length of the video in bytes, if known.</param>
internal sealed record PartialState(string Video, string? EntityTag, DateTimeOffset? LastModified, long? Total)
{
    /// <summary>Whether the server can be asked for the rest without risking the rest of something else.</summary>
    public bool CanContinue => EntityTag is not null || LastModified is not null;
}
