using KlingPS.Core.Model;

namespace KlingPS.Core.Gallery;

/// <summary>Where the video of a card is, as far as a viewer is concerned.</summary>
internal enum CardStatus
{
    /// <summary>On disk.</summary>
    Saved,

    /// <summary>It was on disk, but is no longer there.</summary>
    Missing,

    /// <summary>Made, but not saved.</summary>
    Unsaved,

    /// <summary>The user has it elsewhere.</summary>
    Taken,

    /// <summary>Being made.</summary>
    Pending,

    /// <summary>Nobody knows whether it was bought.</summary>
    Unknown,

    /// <summary>The service could not make it.</summary>
    Failed,

    /// <summary>The service did not accept it, or it was never sent.</summary>
    Rejected,

    /// <summary>Given up by the user.</summary>
    Abandoned,
}

/// <summary>A command as a card shows it. The prompt, which the card shows anyway, is left out if it occurs in the command as it is.</summary>
/// <param name="Head">The command up to the prompt, or all of it.</param>
/// <param name="Tail">What comes after the prompt; <see langword="null"/> if the prompt is not left out.</param>
internal readonly record struct CardCommand(string Head, string? Tail = null)
{
    /// <summary>The whole command.</summary>
    /// <param name="prompt">The prompt of the video that it is for.</param>
    public string With(string? prompt) => Tail is null ? Head : Head + prompt + Tail;
}

/// <summary>What a card shows of one video. Texts are ready to be shown to people, unless noted otherwise.</summary>
internal sealed record GalleryCard
{
    /// <summary>What stands in the place of an image if there never was one.</summary>
    public const string WithoutImage = "no image";

    /// <summary>See <see cref="GalleryEntry.Key"/>.</summary>
    public required string Key { get; init; }

    /// <summary>The local id.</summary>
    public long? Id { get; init; }

    /// <summary>The service's id.</summary>
    public string? TaskId { get; init; }

    /// <summary>What the video is called.</summary>
    public required string Name { get; init; }

    /// <summary>The folder of the video, else of its image; empty if it is that of the page, and in a page for others.</summary>
    public string Folder { get; init; } = string.Empty;

    /// <summary>The model; empty if it is not known.</summary>
    public string Model { get; init; } = string.Empty;

    /// <summary>What all videos of the same image share.</summary>
    public required string Stack { get; init; }

    /// <summary>Which of several variants it is, from 1.</summary>
    public int Take { get; init; } = 1;

    /// <summary>The length of the video; 0 if it is not known.</summary>
    public int Seconds { get; init; }

    /// <summary>Where the video is.</summary>
    public CardStatus Status { get; init; }

    /// <summary>The state of the task; <see langword="null"/> if there is none.</summary>
    public KlingTaskState? State { get; init; }

    /// <summary>What it has cost, or what is set aside for it, in credits.</summary>
    public decimal Credits { get; init; }

    /// <summary>Whether the credits are only set aside.</summary>
    public bool IsSetAside { get; init; }

    /// <summary>When it was submitted; of a file, when it was last written.</summary>
    public DateTimeOffset Created { get; init; }

    /// <summary>When it was finished.</summary>
    public DateTimeOffset? Completed { get; init; }

    /// <summary>When its link expires.</summary>
    public DateTimeOffset? LinkUntil { get; init; }

    /// <summary>When the service forgets its task.</summary>
    public DateTimeOffset? RecordUntil { get; init; }

    /// <summary>Everything else that is known, each with what it is.</summary>
    public IReadOnlyList<(string Label, string Text)> Facts { get; init; } = [];

    /// <summary>What happens in it, as it was bought; <see langword="null"/> if there is no prompt.</summary>
    public string? Prompt { get; init; }

    /// <summary>The command that makes another variant.</summary>
    public CardCommand? Again { get; init; }

    /// <summary>The commands that settle what is open; if there are several, one has to be chosen.</summary>
    public IReadOnlyList<CardCommand> Settle { get; init; } = [];

    /// <summary>Why there is no video, or no image.</summary>
    public string? Reason { get; init; }

    /// <summary>The full path of the video, if it is on disk.</summary>
    public string? VideoPath { get; init; }

    /// <summary>The full path of its image, if that is on disk.</summary>
    public string? ImagePath { get; init; }

    /// <summary>What stands in the place of the image if none is shown.</summary>
    public string NoImage { get; init; } = WithoutImage;

    /// <summary>The address of the video, relative to the page.</summary>
    public string? VideoLink { get; init; }

    /// <summary>The address of the image, relative to the page.</summary>
    public string? ImageLink { get; init; }

    /// <summary>What was chosen for it.</summary>
    public GalleryChoice? Choice { get; init; }
}
