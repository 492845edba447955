using System.Globalization;

namespace KlingPS.Core.Model;

/// <summary>One video: what was asked for, its state, what it cost and where it is. A snapshot; it does not change.</summary>
#pragma warning disable CA1036 // PowerShell's own operators compare through the interface.
public sealed record KlingVideoTask : IComparable
#pragma warning restore CA1036
{
    private static readonly VideoSpec s_unknownSpec = new() { Prompt = null };

    /// <summary>The local id of the task, small and easy to type, like that of a job.</summary>
    public long Id { get; init; }

    /// <summary>The service's id; <see langword="null"/> while it is not known.</summary>
    public string? TaskId { get; init; }

    /// <summary>
    /// Where the task stands, as the word for it: <c>Submitting</c>, <c>Unknown</c>, <c>Waiting</c>, <c>Queuing</c>, <c>Generating</c>,
    /// <c>Succeeded</c>, <c>Failed</c>, <c>Rejected</c> or <c>Abandoned</c>; <see cref="KlingTaskState"/> says what each means.
    /// </summary>
    public string State => TaskState.ToString();

    /// <summary>The model's id.</summary>
    public string Model => Spec.Model;

    /// <summary>What happens in the video.</summary>
    public string? Prompt => Spec.Prompt;

    /// <summary>What should not be seen.</summary>
    public string? NegativePrompt => Spec.NegativePrompt;

    /// <summary>The length of the video in seconds; <see langword="null"/> if it is that of a video or audio whose length is not known.</summary>
    public int? Duration => Spec.KnownSeconds;

    /// <summary>The aspect ratio, such as <c>16:9</c>; <see langword="null"/> if it was left to the model.</summary>
    public string? AspectRatio => Spec.AspectRatio;

    /// <summary>The resolution: 720p, 1080p or 4K; <see langword="null"/> if it was left to the model.</summary>
    public string? Resolution => Spec.Resolution;

    /// <summary>Whether the video was asked for with sound.</summary>
    public bool Sound => Spec.Sound;

    /// <summary>How closely the prompt is followed, 0 to 1; <see langword="null"/> if it was left to the service's default.</summary>
    public decimal? CfgScale => Spec.CfgScale;

    /// <summary>Which of several deliberate variants of the same video it is, from 1.</summary>
    public int Take => Spec.Take;

    /// <summary>The full path of the image the video was made from; <see langword="null"/> when it was given as an address.</summary>
    public string? SourcePath => Spec.Image?.Path;

    /// <summary>The SHA-256 of that image, in lower-case hex.</summary>
    public string? SourceHash => Spec.Image?.Hash;

    /// <summary>The address the service fetched the image from.</summary>
    public string? ImageUri => Spec.Image?.Uri;

    /// <summary>The full path of the image the video ends with.</summary>
    public string? TailImagePath => Spec.TailImage?.Path;

    /// <summary>The address the service fetched that image from.</summary>
    public string? TailImageUri => Spec.TailImage?.Uri;

    /// <summary>The full paths of the further images, without those that were given as addresses; <see langword="null"/> when there is none.</summary>
    public string[]? ReferenceImagePath => ListOrNull(Spec.ReferenceImages.Select(image => image.Path));

    /// <summary>The addresses of the further images that were given as addresses; <see langword="null"/> when there is none.</summary>
    public string[]? ReferenceImageUri => ListOrNull(Spec.ReferenceImages.Where(image => image.Path is null).Select(image => image.Uri));

    /// <summary>The full path of the video that it is made from; <see langword="null"/> when there is none, or it was given as an address.</summary>
    public string? VideoPath => Spec.Video?.Path;

    /// <summary>The address the service fetched that video from.</summary>
    public string? VideoUri => Spec.Video?.Uri;

    /// <summary>The full path of the audio that is heard in it; <see langword="null"/> when there is none, or it was given as an address.</summary>
    public string? AudioPath => Spec.Audio?.Path;

    /// <summary>The address the service fetched that audio from.</summary>
    public string? AudioUri => Spec.Audio?.Uri;

    /// <summary>Whose orientation the character has; <see langword="null"/> if it was left to the model.</summary>
    public string? CharacterOrientation => Spec.CharacterOrientation;

    /// <summary>What a video without an image is called, if it was given a name.</summary>
    public string? Name => Spec.Name;

    /// <summary>Where the service posts the result.</summary>
    public string? CallbackUri => Spec.CallbackUri;

    /// <summary>The link to the finished video.</summary>
    public string? ResultUri { get; init; }

    /// <summary>When the task was submitted.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>When the task ended.</summary>
    public DateTimeOffset? CompletedAt { get; init; }

    /// <summary>
    /// When the link to the video is expected to die: 24 hours after the end, the shorter of the two periods the service documents.
    /// </summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>Credits set aside for the task while its end is open; 0 as long as the price is not known.</summary>
    public decimal CreditsReserved { get; init; }

    /// <summary>Credits the task has cost; <see langword="null"/> until it ends.</summary>
    public decimal? CreditsConsumed { get; init; }

    /// <summary>The service's code of a failed or rejected task.</summary>
    public string? FailCode { get; init; }

    /// <summary>Why the task failed, was rejected, is unknown, or was given up although the service had accepted it.</summary>
    public string? FailMessage { get; init; }

    /// <summary>The full path the video was saved to.</summary>
    public string? SavedPath { get; init; }

    /// <summary>The SHA-256 of the saved video, in lower-case hex.</summary>
    public string? SavedHash { get; init; }

    /// <summary>When the user said that the video was taken elsewhere, so that nothing is left to be done for it; <see langword="null"/> otherwise.</summary>
    public DateTimeOffset? TakenAt { get; init; }

    /// <summary>The unknown attempt that this one was bought in place of.</summary>
    public long? Replaces { get; init; }

    /// <summary><see cref="State"/> for the engine. What users get is text: ConvertTo-Json writes an enum as a number.</summary>
    internal KlingTaskState TaskState { get; init; }

    /// <summary>Whether it was given up because the service, which had accepted it, did not know it any more: it may be paid for, and is never bought again automatically.</summary>
    internal bool IsForgotten => TaskState == KlingTaskState.Abandoned && TaskId is not null;

    /// <summary>Whether it is known what was asked for. It is not for an attempt whose record was lost, nor for an adopted task if the service did not say.</summary>
    internal bool IsDescribed => Spec.Prompt is not null || Spec.Sources.Any();

    /// <summary>Whether what is known about it is kept on this machine because the ledger could not be written.</summary>
    internal bool IsUnrecorded { get; init; }

    /// <summary>What was asked for; without content for an adopted task if the service did not say.</summary>
    internal VideoSpec Spec { get; init; } = s_unknownSpec;

    /// <summary>The account that pays: the fingerprint of the key that it was first known by.</summary>
    internal string Account { get; init; } = string.Empty;

    /// <summary>What makes two purchases the same; <see langword="null"/> for an adopted task if the service did not say what was asked for.</summary>
    internal string? Identity { get; init; }

    /// <summary>See <see cref="TaskIntent.Nonce"/>; <see langword="null"/> for an adopted task.</summary>
    internal string? Nonce { get; init; }

    /// <summary>The id of the ledger that it was read from; <see langword="null"/> if it was not read from one in use. <see cref="Id"/> means something only there.</summary>
    internal string? LedgerId { get; init; }

    /// <summary>
    /// What distinguishes it from all other tasks, whichever ledgers they are from: numbers begin with 1 in each. A task with neither a nonce nor an id at
    /// the service has only its number, which other ledgers may have assigned as well.
    /// </summary>
    internal string Key => Nonce ?? TaskId ?? string.Create(CultureInfo.InvariantCulture, $"#{Id}");

    /// <summary>When the service accepted the task, by its own clock as soon as that is known.</summary>
    internal DateTimeOffset? AcceptedAt { get; init; }

    /// <summary>
    /// When the service turned the request down for now; <see langword="null"/> unless it waits to be sent again. Until then nothing of it
    /// has left.
    /// </summary>
    internal DateTimeOffset? HeldBackAt { get; init; }

    /// <summary>How many times the task has failed, or been taken up again by the service after that.</summary>
    internal int Reversals { get; init; }

    /// <summary>Whether the failure has been written to the user's error stream already.</summary>
    internal bool IsFailureReported { get; init; }

    /// <summary>Whether its video was made but neither saved, here or on another machine, nor taken elsewhere.</summary>
    internal bool IsUnsaved => this is { TaskState: KlingTaskState.Succeeded, SavedPath: null, SavedHash: null, TakenAt: null };

    /// <summary>The path or the address of what it is made from, or its name.</summary>
    internal string Subject => Spec.Subject is { Length: > 0 } subject ? subject : TaskId is null ? $"task {Id}" : ServiceTaskId.Describe(TaskId);

    /// <summary>How a task at the service differs from this one: one clause for each difference; none when it may be this one.</summary>
    /// <param name="spec">What the service says that its task was made from; <see langword="null"/> when it does not say.</param>
    internal IEnumerable<string> FindDifferences(VideoSpec? spec)
    {
        if (spec is null)
        {
            return ["the service does not say what it was made from"];
        }

        // For an attempt whose record was lost, the nonce tells, or else the identity.
        string? nonce = CallbackNonce.Find(spec.CallbackUri);
        IEnumerable<string> differences = IsDescribed ? Spec.FindDifferences(spec)
            : nonce is null && Identity is not null && spec.IsOtherThan(Identity) ? ["it was made from something else"]
            : [];
        return nonce is not null && nonce != Nonce ? differences.Append("the nonce in its callback address is that of another attempt") : differences;
    }

    /// <summary>Why a task at the service cannot be this one: one clause for each contradiction; none if the service does not say, or says it in another form.</summary>
    /// <param name="spec">What the service says that its task was made from.</param>
    internal IEnumerable<string> FindContradictions(VideoSpec? spec)
    {
        string? nonce = Nonce is null ? null : CallbackNonce.Find(spec?.CallbackUri);
        if (spec is null || (nonce is not null && nonce == Nonce))
        {
            return [];
        }

        // What is not known is recorded as the default.
        IEnumerable<string> contradictions = IsDescribed ? Spec.FindContradictions(spec) : [];
        return nonce is null ? contradictions : contradictions.Append("the nonce in its callback address is that of another attempt");
    }

    /// <summary>
    /// The same task, with what an earlier reading says about its files. The service knows only the addresses that they were uploaded to, and a ledger that has a
    /// task from the service knows no more.
    /// </summary>
    /// <param name="earlier">The task, as it was read before, maybe from another ledger.</param>
    internal KlingVideoTask DescribedAs(KlingVideoTask? earlier)
        => TaskId is not null && TaskId == earlier?.TaskId && earlier.Spec.HasOwnDetails && !Spec.HasOwnDetails ? this with { Spec = earlier.Spec } : this;

    private static string[]? ListOrNull(IEnumerable<string?> values) => values.OfType<string>().ToArray() is { Length: > 0 } known ? known : null;

    /// <summary>Compares by <see cref="Id"/>, so that <c>Sort-Object</c> and <c>Compare-Object</c> know which task is which.</summary>
    /// <param name="obj">Another task.</param>
    /// <exception cref="ArgumentException">It is not a task.</exception>
    public int CompareTo(object? obj) => obj switch
    {
        null => 1,
        KlingVideoTask other => Id.CompareTo(other.Id),
        _ => throw new ArgumentException("A task can only be compared with a task.", nameof(obj)),
    };

    /// <summary>The service's id, so that a task can be given wherever an id is expected; while it is not known, the local id in words.</summary>
    public override string ToString() => TaskId ?? string.Create(CultureInfo.InvariantCulture, $"task {Id}");
}
