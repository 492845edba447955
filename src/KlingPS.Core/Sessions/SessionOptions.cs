using KlingPS.Core.Api;
using KlingPS.Core.Ledger;
using KlingPS.Core.Secrets;

namespace KlingPS.Core.Sessions;

/// <summary>What a session is made of. The session takes over the key and the handlers.</summary>
public sealed record SessionOptions
{
    /// <summary>Where the service is.</summary>
    public required KlingEndpoints Endpoints { get; init; }

    /// <summary>The account's key.</summary>
    public required ApiKey Key { get; init; }

    /// <summary>Where the key came from, in words.</summary>
    public required string KeySource { get; init; }

    /// <summary>Whether the service is the local sandbox.</summary>
    public bool IsSandbox { get; init; }

    /// <summary>Connects to the service.</summary>
    public required HttpMessageHandler ApiHandler { get; init; }

    /// <summary>Connects to the download hosts.</summary>
    public required HttpMessageHandler DownloadHandler { get; init; }

    /// <summary>The record of all attempts.</summary>
    public required ITaskLedger Ledger { get; init; }

    /// <summary>The most credits the account may spend on one day; <see langword="null"/> for no limit.</summary>
    public decimal? DailyCreditCap { get; init; }

    /// <summary>How long a request may go unanswered, but for purchases, which are always given at least two minutes; for an upload, how long it may stand still.</summary>
    public TimeSpan RequestTimeout { get; init; } = KlingClientOptions.DefaultRequestTimeout;

    /// <summary>The clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
