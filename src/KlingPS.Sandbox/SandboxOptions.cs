namespace KlingPS.Sandbox;

/// <summary>How a sandbox behaves. The defaults are the service's documented limits, with a much shorter generation time.</summary>
internal sealed class SandboxOptions
{
    /// <summary>Multiplies the prices of the model's rules: a service that has changed its prices.</summary>
    public decimal PriceFactor { get; init; } = 1;

    /// <summary>The key that clients must send as <c>Authorization: Bearer</c>. Null makes a random one that begins with <c>sandbox-</c>.</summary>
    public string? ApiKey { get; init; }

    /// <summary>Further keys of the same account: they know everything that was bought with any of them.</summary>
    public IReadOnlyList<string> MoreKeys { get; init; } = [];

    /// <summary>The keys of other accounts, one each. They do not know the tasks of the first account or of each other.</summary>
    public IReadOnlyList<string> OtherAccounts { get; init; } = [];

    /// <summary>The HMAC key that callbacks are signed with. Null sends them unsigned, as the service does before a key has been generated.</summary>
    public string? CallbackKey { get; init; }

    /// <summary>The balance of each account at the start, in credits.</summary>
    public decimal Credits { get; init; } = 10_000;

    /// <summary>How long a task takes from being accepted to being finished. For the first tenth of that time the task is <c>waiting</c>, then <c>generating</c>.</summary>
    public TimeSpan GenerationTime { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Tasks accepted in any <see cref="CreateWindow"/>; more are rejected with code 429. Null means no limit.</summary>
    public int? CreateLimit { get; init; } = 20;

    /// <summary>The sliding window of <see cref="CreateLimit"/>.</summary>
    public TimeSpan CreateWindow { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Task queries answered in any <see cref="QueryWindow"/>; more are rejected with code 429. Null means no limit.</summary>
    public int? QueryLimit { get; init; } = 10;

    /// <summary>The sliding window of <see cref="QueryLimit"/>.</summary>
    public TimeSpan QueryWindow { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The port of the API, or 0 for any free one. Uploads and downloads always get free ports of their own.</summary>
    public int Port { get; init; }

    /// <summary>
    /// Size of every video in bytes. A smaller clip is padded with a trailing <c>free</c> box, which is generated
    /// while it is sent; players ignore it. 0 leaves the clips as they are.
    /// </summary>
    public long VideoSize { get; init; }

    /// <summary>How long a finished video can be downloaded.</summary>
    public TimeSpan LinkLifetime { get; init; } = TimeSpan.FromDays(14);

    /// <summary>How long an uploaded file is kept.</summary>
    public TimeSpan UploadLifetime { get; init; } = TimeSpan.FromHours(24);

    /// <summary>The clock of task states, windows, lifetimes and delays.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>False: errors come with HTTP 200 and the code in the body, as from the service. True: the HTTP status equals the code.</summary>
    public bool RealHttpStatus { get; init; }

    /// <summary>Seed of the random numbers behind <see cref="SandboxFault.Probability"/>, so that a run can be repeated.</summary>
    public int Seed { get; init; } = 1;
}
