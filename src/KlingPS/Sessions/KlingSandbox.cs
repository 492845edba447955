using System.Security;
using KlingPS.Core.Secrets;
using KlingPS.Sandbox;
using KlingPS.Sandbox.Hosting;

namespace KlingPS.Sessions;

/// <summary>The local sandbox: where it is, what requests it has received, and what they would have cost. Its properties are always current.</summary>
public sealed class KlingSandbox
{
    private readonly SandboxServer _server;

    internal KlingSandbox(SandboxServer server, SandboxOptions options)
    {
        _server = server;
        GenerationTime = options.GenerationTime;
        ApiKey = KeyText.ToSecureString(server.ApiKey);
    }

    /// <summary>The address of its jobs API.</summary>
    public Uri Endpoint => _server.Endpoint;

    /// <summary>The address of its upload host.</summary>
    public Uri UploadEndpoint => _server.UploadEndpoint;

    /// <summary>The address of its download host.</summary>
    public Uri DownloadEndpoint => _server.DownloadEndpoint;

    /// <summary>The key it takes; so that the object can be piped to Connect-KlingAccount.</summary>
    public SecureString ApiKey { get; }

    /// <summary>Whether it still runs.</summary>
    public bool IsRunning => _server.IsRunning;

    /// <summary>When it was started.</summary>
    public DateTimeOffset StartedAt => _server.StartedAt;

    /// <summary>How long it takes to make a video.</summary>
    public TimeSpan GenerationTime { get; }

    /// <summary>Create requests that arrived.</summary>
    public int CreatesReceived => Bill.CreatesReceived;

    /// <summary>Create requests that were accepted.</summary>
    public int CreatesAccepted => Bill.CreatesAccepted;

    /// <summary>Create requests that were refused, for any reason.</summary>
    public int CreatesRefused => Bill.CreatesRefused;

    /// <summary>Create requests that were refused because too many came.</summary>
    public int RateRefusals => Bill.RateRefusals;

    /// <summary>Status queries.</summary>
    public int Queries => Bill.Queries;

    /// <summary>Callbacks that were delivered: the response was a 2xx status.</summary>
    public int CallbacksDelivered => Bill.CallbacksDelivered;

    /// <summary>Attempts to deliver a callback that got another response, or none within 15 seconds.</summary>
    public int CallbacksRefused => Bill.CallbacksRefused;

    /// <summary>Uploads.</summary>
    public int Uploads => Bill.Uploads;

    /// <summary>Requests to the download host.</summary>
    public int Downloads => Bill.Downloads;

    /// <summary>Requests that carried the key to the download host, where it does not belong.</summary>
    public int KeyLeaks => Bill.KeyLeaks;

    /// <summary>Credits that finished videos have cost.</summary>
    public decimal CreditsSpent => Bill.CreditsSpent;

    /// <summary>Credits set aside for videos that are being made.</summary>
    public decimal CreditsHeld => Bill.CreditsHeld;

    /// <summary>Credits left on the account.</summary>
    public decimal CreditsLeft => Bill.CreditsLeft;

    /// <summary>Every accepted task.</summary>
    public SandboxTask[] Tasks => [.. Bill.Tasks];

    /// <summary>How many tasks were accepted for each image: more than one means it was paid for more than once.</summary>
    public IReadOnlyDictionary<string, int> TasksPerImage => Bill.TasksPerImage;

    /// <summary>The latest requests.</summary>
    public SandboxRequest[] Requests => [.. Bill.Requests];

    /// <summary>Faults that are in force.</summary>
    public SandboxFault[] Faults => [.. _server.Faults];

    /// <summary>Everything that it counts, as of now.</summary>
    private SandboxBill Bill => _server.GetBill();

    /// <summary>Makes something go wrong from now on.</summary>
    /// <param name="fault">What goes wrong, where and how often; may be a hashtable.</param>
    public void AddFault(SandboxFault fault) => _server.AddFault(fault);

    /// <summary>Ends all faults.</summary>
    public void ClearFaults() => _server.ClearFaults();

    /// <summary>Sets the balance.</summary>
    /// <param name="credits">The credits the account has from now on.</param>
    public void SetCredits(decimal credits) => _server.SetCredits(credits);

    /// <summary>Its address.</summary>
    public override string ToString() => Endpoint.AbsoluteUri;
}
