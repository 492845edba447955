using System.Security.Cryptography;
using KlingPS.Sandbox.Faults;

namespace KlingPS.Sandbox.State;

/// <summary>Everything the simulated service remembers, on one clock: its account, its files, the faults to come and what clients did.</summary>
internal sealed class ServiceState
{
    internal ServiceState(SandboxOptions options, Uri downloadEndpoint)
    {
        TimeProvider = options.TimeProvider;
        ApiKey = options.ApiKey ?? $"sandbox-{Convert.ToHexString(RandomNumberGenerator.GetBytes(16)).ToLowerInvariant()}";
        Account = new Account(options);
        Uploads = new UploadStore(options.UploadLifetime, TimeProvider);
        Links = new DownloadLinks(downloadEndpoint, TimeProvider);
        Faults = new FaultPlan(options.Seed, TimeProvider);
    }

    internal TimeProvider TimeProvider { get; }

    /// <summary>The one key that is accepted.</summary>
    internal string ApiKey { get; }

    internal Account Account { get; }

    internal UploadStore Uploads { get; }

    internal DownloadLinks Links { get; }

    internal FaultPlan Faults { get; }

    internal Meter Meter { get; } = new();
}
