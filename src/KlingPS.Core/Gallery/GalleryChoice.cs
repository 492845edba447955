namespace KlingPS.Core.Gallery;

/// <summary>What somebody thinks of a video.</summary>
internal enum Decision
{
    /// <summary>Neither of the others.</summary>
    None,

    /// <summary>Keep it.</summary>
    Picked,

    /// <summary>It is not to be kept.</summary>
    Rejected,
}

/// <summary>What was chosen for one video of a gallery.</summary>
/// <param name="Decision">Whether it was picked or rejected.</param>
/// <param name="Rating">0 to 5 stars; 0 is none.</param>
/// <param name="Note">What was noted; empty if nothing was.</param>
/// <param name="At">When it was chosen, or the latest time at which it can have been chosen; <see langword="null"/> if that is not known.</param>
internal sealed record GalleryChoice(Decision Decision, int Rating, string Note, DateTimeOffset? At = null)
{
    /// <summary>The most stars.</summary>
    public const int MaxRating = 5;

    /// <summary>
    /// The earliest time at which it can have been picked or rejected; <see langword="null"/> if that is not known. Earlier than <see cref="At"/> if stars
    /// or a note were added later, or if somebody has changed a table.
    /// </summary>
    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>Whether it was made at the very time of <see cref="At"/>.</summary>
    public bool IsDated { get; init; }

    /// <summary>Whether anything was chosen at all.</summary>
    public bool SaysSomething => this is not { Decision: Decision.None, Rating: 0, Note.Length: 0 };

    /// <summary>Whether two choices are the same, whenever they were made.</summary>
    public bool SaysSameAs(GalleryChoice other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return (Decision, Rating, Note) == (other.Decision, other.Rating, other.Note);
    }

    /// <summary>The later of two choices for one video, if their times are known; otherwise the second.</summary>
    public static GalleryChoice? Later(GalleryChoice? one, GalleryChoice? other) => other is null || one?.At > other.At ? one : other;
}
