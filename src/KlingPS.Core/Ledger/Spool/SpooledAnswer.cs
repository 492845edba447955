using System.Text.Json.Serialization;
using KlingPS.Core.Model;

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
}

/// <summary>Something that has happened and could not be recorded in the ledger, with all that is needed to record it later.</summary>
internal sealed record SpooledAnswer
{
    private const int NonceLength = 32;
    private const int HashLength = 64;

    /// <summary>The form of this record.</summary>
    [JsonPropertyName("version")]
    public int Version { get; init; } = 1;

    /// <summary>What has happened.</summary>
    [JsonPropertyName("kind")]
    [JsonConverter(typeof(JsonStringEnumConverter<SpooledKind>))]
    public required SpooledKind Kind { get; init; }

    /// <summary>Where the ledger was that it is for. It may have another address by now, and is found by what is in it.</summary>
    [JsonPropertyName("ledger")]
    public string? Ledger { get; init; }

    /// <summary>The account that pays.</summary>
    [JsonPropertyName("account")]
    public required string Account { get; init; }

    /// <summary>The local id of the task, for people.</summary>
    [JsonPropertyName("id")]
    public long Id { get; init; }

    /// <summary>The nonce of the attempt, by which it is found; <see langword="null"/> for a task that was not bought here.</summary>
    [JsonPropertyName("nonce")]
    public string? Nonce { get; init; }

    /// <summary>What makes two purchases the same, should the record of the attempt have been lost.</summary>
    [JsonPropertyName("identity")]
    public string? Identity { get; init; }

    /// <summary>What it is for, for people.</summary>
    [JsonPropertyName("subject")]
    public string? Subject { get; init; }

    /// <summary>The service's id.</summary>
    [JsonPropertyName("taskId")]
    public string? TaskId { get; init; }

    /// <summary>The service's code of a refusal.</summary>
    [JsonPropertyName("code")]
    public string? Code { get; init; }

    /// <summary>Why nothing was bought, or how the response was lost.</summary>
    [JsonPropertyName("reason")]
    public string? Reason { get; init; }

    /// <summary>The full path of a video.</summary>
    [JsonPropertyName("path")]
    public string? Path { get; init; }

    /// <summary>Its SHA-256, in lower-case hex.</summary>
    [JsonPropertyName("hash")]
    public string? Hash { get; init; }

    /// <summary>A request was accepted.</summary>
    public static SpooledAnswer Accepted(KlingVideoTask task, string taskId) => Of(SpooledKind.Accepted, task) with { TaskId = taskId };

    /// <summary>A request has bought nothing.</summary>
    public static SpooledAnswer Rejected(KlingVideoTask task, string? code, string reason) => Of(SpooledKind.Rejected, task) with { Code = code, Reason = reason };

    /// <summary>The response to a request was lost.</summary>
    public static SpooledAnswer Unknown(KlingVideoTask task, string reason) => Of(SpooledKind.Unknown, task) with { Reason = reason };

    /// <summary>A whole video is about to get its name.</summary>
    public static SpooledAnswer Saving(KlingVideoTask task, string path, string hash) => Of(SpooledKind.Saving, task) with { Path = path, Hash = hash };

    /// <summary>A video has its name.</summary>
    public static SpooledAnswer Saved(KlingVideoTask task, string path, string hash) => Of(SpooledKind.Saved, task) with { Path = path, Hash = hash };

    /// <summary>Whether this can be what the module has written: all that its kind needs is there, and has the form that it has in a ledger.</summary>
    [JsonIgnore]
    public bool IsSound => Version == 1
        && Account is { Length: > 0 and <= 128 }
        && (Nonce is null || (Nonce.Length == NonceLength && Nonce.All(char.IsAsciiHexDigitLower)))
        && (TaskId is null || ServiceTaskId.IsValid(TaskId))
        && Kind switch
        {
            SpooledKind.Accepted => TaskId is not null,
            SpooledKind.Rejected or SpooledKind.Unknown => Nonce is not null && Reason is not null,
            SpooledKind.Saving or SpooledKind.Saved => (TaskId ?? Nonce) is not null
                && Hash is { Length: HashLength } && Hash.All(char.IsAsciiHexDigitLower) && System.IO.Path.IsPathFullyQualified(Path ?? string.Empty),
            _ => false,
        };

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
