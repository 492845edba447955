using System.Net;

namespace KlingPS.Core.Callbacks;

/// <summary>How a <see cref="CallbackListener"/> behaves.</summary>
internal sealed record CallbackListenerOptions
{
    /// <summary>Where to listen.</summary>
    public required CallbackPrefix Prefix { get; init; }

    /// <summary>The account's HMAC key; without one, callbacks are accepted unsigned, as hints.</summary>
    public CallbackKey? Key { get; init; }

    /// <summary>How old a signature may be.</summary>
    public TimeSpan MaxAge { get; init; } = CallbackVerifier.DefaultMaxAge;

    /// <summary>How long a request may take to arrive; shorter than the 15 seconds after which the service gives up.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How many connections may be open at the same time. To accept one more, the one that has been open longest is closed.</summary>
    public int MaxConnections { get; init; } = 128;

    /// <summary>Called for the first refusal of each kind, with who called and how the request was answered. Called on any thread; must not block.</summary>
    public Action<EndPoint?, CallbackResult>? OnFirstRefused { get; init; }

    /// <summary>The clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
