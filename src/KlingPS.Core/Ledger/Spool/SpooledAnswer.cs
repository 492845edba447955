using System.Text.Json.Serialization;
using KlingPS.Core.Files;
using KlingPS.Core.Model;
using KlingPS.Core.Network;

namespace KlingPS.Core.Ledger.Spool;

/// <summary>What has happened.</summary>
internal enum SpooledKind
{
    /// <summary>The service has accepted a request.</summary>
    Accepted,

    /// <summary>A request has bought nothing.</summary>
    Rejected,

    /// <summary>The response to a request was lost.</summary>
    Unknown,

    /// <summary>A whole video is about to get its name.</summary>
    Saving,

    /// <summary>A video has its name.</summary>
    Saved,

    /// <summary>The service says that a task has ended.</summary>
    Ended,
}

/// <summary>Something that happened and could not be recorded in the ledger, with everything needed to record it later.</summary>
internal sealed record SpooledAnswer
{
    /// <summary>The version of this record's format.</summary>
    [JsonPropertyName("version")]
    public int Version { get; init; } = 1;

    /// <summary>What has happened.</summary>
    [JsonPropertyName("kind")]
    [JsonConverter(typeof(JsonStringEnumConverter<SpooledKind>))]
    public required SpooledKind Kind { get; init; }

    /// <summary>Where its ledger was. The ledger may have another address by now, and there may be another one at this address.</summary>
    [JsonPropertyName("ledger")]
    public string? Ledger { get; init; }

    /// <summary>The id of that ledger, by which it is known wherever it is; <see langword="null"/> in a file of an earlier version, or if the ledger was never reached.</summary>
    [JsonPropertyName("ledgerId")]
    public string? LedgerId { get; init; }

    /// <summary>The account that pays.</summary>
    [JsonPropertyName("account")]
    public required string Account { get; init; }

    /// <summary>The local id of the task, for people to read.</summary>
    [JsonPropertyName("id")]
    public long Id { get; init; }

    /// <summary>The nonce of the attempt, by which it is found; <see langword="null"/> for a task that was not bought here.</summary>
    [JsonPropertyName("nonce")]
    public string? Nonce { get; init; }

    /// <summary>What makes two purchases the same, in case the record of the attempt is lost.</summary>
    [JsonPropertyName("identity")]
    public string? Identity { get; init; }

    /// <summary>What it is for, for people to read.</summary>
    [JsonPropertyName("subject")]
    public string? Subject { get; init; }

    /// <summary>The service's id.</summary>
    [JsonPropertyName("taskId")]
    public string? TaskId { get; init; }

    /// <summary>The service's code of a refusal or failure.</summary>
    [JsonPropertyName("code")]
    public string? Code { get; init; }

    /// <summary>Why nothing was bought, how the response was lost, or why the task failed.</summary>
    [JsonPropertyName("reason")]
    public string? Reason { get; init; }

    /// <summary>The full path of a video.</summary>
    [JsonPropertyName("path")]
    public string? Path { get; init; }

    /// <summary>Its SHA-256, in lower-case hex.</summary>
    [JsonPropertyName("hash")]
    public string? Hash { get; init; }

    /// <summary>How the task has ended; <see langword="null"/> if nothing is said about that.</summary>
    [JsonPropertyName("state")]
    [JsonConverter(typeof(JsonStringEnumConverter<KlingTaskState>))]
    public KlingTaskState? State { get; init; }

    /// <summary>What the task has cost, in credits; what was set aside for it, if its end is not known.</summary>
    [JsonPropertyName("credits")]
    public decimal? Credits { get; init; }

    /// <summary>When the service accepted the task.</summary>
    [JsonPropertyName("acceptedAt")]
    public DateTimeOffset? AcceptedAt { get; init; }

    /// <summary>When the task ended.</summary>
    [JsonPropertyName("completedAt")]
    public DateTimeOffset? CompletedAt { get; init; }

    /// <summary>The link to the video.</summary>
    [JsonPropertyName("link")]
    public string? Link { get; init; }

    /// <summary>See <see cref="TaskSnapshot.SeenReversals"/>.</summary>
    [JsonPropertyName("seenReversals")]
    public int SeenReversals { get; init; }

    /// <summary>A request was accepted.</summary>
    public static SpooledAnswer Accepted(KlingVideoTask task, string taskId)
        => Of(SpooledKind.Accepted, task) with { TaskId = taskId, Credits = PriceOf(task) };

    /// <summary>A request was accepted, of which no more is known than its nonce.</summary>
    public static SpooledAnswer Accepted(string account, string nonce, string taskId)
        => new() { Kind = SpooledKind.Accepted, Account = account, Nonce = nonce, TaskId = taskId };

    /// <summary>A request has bought nothing.</summary>
    public static SpooledAnswer Rejected(KlingVideoTask task, string? code, string reason) => Of(SpooledKind.Rejected, task) with { Code = code, Reason = reason };

    /// <summary>The response to a request was lost.</summary>
    public static SpooledAnswer Unknown(KlingVideoTask task, string reason) => Of(SpooledKind.Unknown, task) with { Reason = reason, Credits = PriceOf(task) };

    /// <summary>A whole video is about to get its name.</summary>
    public static SpooledAnswer Saving(KlingVideoTask task, string path, string hash) => OfMade(SpooledKind.Saving, task) with { Path = path, Hash = hash };

    /// <summary>A video has its name.</summary>
    public static SpooledAnswer Saved(KlingVideoTask task, string path, string hash) => OfMade(SpooledKind.Saved, task) with { Path = path, Hash = hash };

    /// <summary>A task has ended.</summary>
    /// <param name="task">The task as it is then.</param>
    public static SpooledAnswer Ended(KlingVideoTask task) => OfEnd(SpooledKind.Ended, task) with { Code = task.FailCode, Reason = task.FailMessage };

    /// <summary>What the service has said about the end of the task, as far as it can be true; <see langword="null"/> if nothing is said about it.</summary>
    /// <param name="now">The time now.</param>
    public TaskSnapshot? FindEnd(DateTimeOffset now)
    {
        if (State is not KlingTaskState state || TaskId is null)
        {
            return null;
        }

        DateTimeOffset? accepted = ReceivedTime.From(AcceptedAt, now);
        return new TaskSnapshot
        {
            TaskId = TaskId,
            State = state,
            ResultUris = Link is null ? [] : [Link],
            FailCode = Code,
            FailMessage = Reason,
            CreatedAt = accepted,
            CompletedAt = ReceivedTime.FromEnd(CompletedAt, accepted, now),
            CreditsConsumed = Credits,
            SeenReversals = SeenReversals,
        };
    }

    /// <summary>Whether this can be what the module has written: everything its kind needs is present, in the form it has in a ledger.</summary>
    [JsonIgnore]
    public bool IsSound => Version == 1
        && Account is { Length: > 0 and <= 128 }
        && (Nonce is null || CallbackNonce.IsValid(Nonce))
        && (TaskId is null || ServiceTaskId.IsValid(TaskId))
        && (State is null or KlingTaskState.Succeeded or KlingTaskState.Failed)
        && (Link is null || IsLink(Link))
        && Kind switch
        {
            SpooledKind.Accepted => TaskId is not null,
            SpooledKind.Rejected or SpooledKind.Unknown => Nonce is not null && Reason is not null,
            SpooledKind.Ended => TaskId is not null && State is not null,
            SpooledKind.Saving or SpooledKind.Saved => (TaskId ?? Nonce) is not null && State is not KlingTaskState.Failed
                && ContentHash.IsValid(Hash) && System.IO.Path.IsPathFullyQualified(Path ?? string.Empty),
            _ => false,
        };

    /// <summary>Whether a link has the form of one. Whether it may be followed is decided where it is used.</summary>
    private static bool IsLink(string link)
        => link.Length <= AddressPolicy.MaxLength
            && Uri.TryCreate(link, UriKind.Absolute, out Uri? uri)
            && uri is { UserInfo.Length: 0, Host.Length: > 0 }
            && (uri.Scheme == Uri.UriSchemeHttps || AddressPolicy.IsPlain(uri));

    /// <summary>A complete video means that the task succeeded. If that was recorded without waiting for the disk, the record may be lost with the server.</summary>
    private static SpooledAnswer OfMade(SpooledKind kind, KlingVideoTask task) => task.TaskState == KlingTaskState.Succeeded ? OfEnd(kind, task) : Of(kind, task);

    private static SpooledAnswer OfEnd(SpooledKind kind, KlingVideoTask task) => Of(kind, task) with
    {
        State = task.TaskState,
        Credits = task.CreditsConsumed,
        AcceptedAt = task.AcceptedAt,
        CompletedAt = task.CompletedAt,
        Link = task.ResultUri,
        SeenReversals = task.TaskState == KlingTaskState.Failed ? task.Reversals - 1 : task.Reversals,
    };

    /// <summary>What is set aside for an attempt. Nothing is for one that counts as not bought, and that says nothing about its price.</summary>
    private static decimal? PriceOf(KlingVideoTask attempt) => attempt.TaskState.IsSettled() ? null : attempt.CreditsReserved;

    private static SpooledAnswer Of(SpooledKind kind, KlingVideoTask task) => new()
    {
        Kind = kind,
        Account = task.Account,
        Id = task.Id,
        Nonce = task.Nonce,
        Identity = task.Identity,
        Subject = task.Subject,
        TaskId = task.TaskId,
    };
}

/// <summary>Compiled serialization.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SpooledAnswer))]
internal sealed partial class SpoolContext : JsonSerializerContext;
