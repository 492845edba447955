using System.Globalization;

namespace KlingPS.Sandbox.State;

/// <summary>An accepted task. Its state follows from the clock, so nothing runs while it waits.</summary>
internal sealed class Job(CreateRequest request, string? imageSha256, DateTimeOffset createdAt, TimeSpan generationTime, JobOutcome outcome, string? id = null)
{
    // The service puts four digits after the time; their value means nothing.
    private const int ResultSuffix = 4821;

    private readonly DateTimeOffset _startsAt = createdAt + ((generationTime + outcome.ExtraTime) / 10);
    private int _queries;
    private int _callbacks;
    private volatile bool _linkIsExpired = outcome.LinkIsExpired;

    internal string Id { get; } = id ?? Guid.NewGuid().ToString("N");

    internal CreateRequest Request => request;

    internal DateTimeOffset CreatedAt => createdAt;

    internal DateTimeOffset EndsAt { get; } = createdAt + generationTime + outcome.ExtraTime;

    internal (string Code, string Message)? Failure => outcome.Failure;

    /// <summary>The path of the video at the download host.</summary>
    internal string ResultPath => string.Create(CultureInfo.InvariantCulture, $"k/{Id}_1_{EndsAt.ToUnixTimeSeconds()}_{ResultSuffix}.mp4");

    internal bool LinkIsExpired => _linkIsExpired;

    internal void ExpireLink() => _linkIsExpired = true;

    internal void CountQuery() => Interlocked.Increment(ref _queries);

    internal void CountCallback() => Interlocked.Increment(ref _callbacks);

    internal bool HasEnded(DateTimeOffset now) => now >= EndsAt;

    internal bool HasSucceeded(DateTimeOffset now) => HasEnded(now) && Failure is null;

    internal bool HasFailed(DateTimeOffset now) => HasEnded(now) && Failure is not null;

    internal string StateAt(DateTimeOffset now)
    {
        if (HasEnded(now))
        {
            return Failure is null ? "success" : "fail";
        }

        return now < _startsAt ? "waiting" : "generating";
    }

    internal decimal CreditsAt(DateTimeOffset now) => HasFailed(now) ? 0.0m : request.Credits;

    internal SandboxTask ToTask(DateTimeOffset now, string account) => new()
    {
        Account = account,
        TaskId = Id,
        ImageUri = request.ImageUri,
        ImageSha256 = imageSha256,
        Prompt = request.Prompt,
        Duration = request.Duration,
        Model = request.Model,
        State = StateAt(now),
        CreatedAt = createdAt,
        CompletedAt = HasEnded(now) ? EndsAt : null,
        Credits = CreditsAt(now),
        Queries = Volatile.Read(ref _queries),
        Callbacks = Volatile.Read(ref _callbacks),
        Request = request.Body,
    };
}

/// <summary>
/// How a task will turn out, decided when it is accepted: the time it takes beyond the usual, its failure if it is to
/// fail, and whether the plain link to its video is expired from the start.
/// </summary>
internal sealed record JobOutcome(TimeSpan ExtraTime, (string Code, string Message)? Failure, bool LinkIsExpired);
