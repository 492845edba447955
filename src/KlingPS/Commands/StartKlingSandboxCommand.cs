using System.Management.Automation;
using System.Security;
using KlingPS.Commands.Base;
using KlingPS.Core;
using KlingPS.Parameters;
using KlingPS.Sandbox;
using KlingPS.Sessions;

namespace KlingPS.Commands;

/// <summary>Starts a local stand-in for the service, for dry runs that cost nothing.</summary>
[Cmdlet(VerbsLifecycle.Start, "KlingSandbox", SupportsShouldProcess = true)]
[OutputType(typeof(KlingSandbox))]
public sealed class StartKlingSandboxCommand : KlingCommand
{
    /// <summary>How long it takes to make a video, as seconds or as a time span.</summary>
    [Parameter]
    [Seconds(IsRequired = true)]
    [ValidateRange(0.0, 86_400.0)]
    public double GenerationTime { get; set; } = 3;

    /// <summary>The balance to begin with, in credits.</summary>
    [Parameter]
    [DecimalNumber(IsRequired = true)]
    [ValidateRange(0, int.MaxValue)]
    public decimal Credits { get; set; } = 10_000;

    /// <summary>The port of its jobs API; a free one when it is left out.</summary>
    [Parameter]
    [WholeNumber(IsRequired = true)]
    [ValidateRange(0, 65_535)]
    public int Port { get; set; }

    /// <summary>The key it takes; a random one when it is left out.</summary>
    [Parameter]
    [SecretText]
    [ValidateNotNull]
    public SecureString? ApiKey { get; set; }

    /// <summary>Further keys of the same account.</summary>
    [Parameter]
    [SecretText]
    [ValidateNotNull]
    public SecureString[] AdditionalApiKey { get; set; } = [];

    /// <summary>Keys of other accounts, one each, that it takes as well.</summary>
    [Parameter]
    [SecretText]
    [ValidateNotNull]
    public SecureString[] OtherAccountKey { get; set; } = [];

    /// <summary>The HMAC key it signs callbacks with; they are not signed when it is left out.</summary>
    [Parameter]
    [SecretText]
    [ValidateNotNull]
    public SecureString? CallbackKey { get; set; }

    /// <summary>The size of the videos it makes, in bytes; that of its small clips when it is left out.</summary>
    [Parameter]
    [WholeNumber(IsRequired = true, Most = long.MaxValue)]
    [ValidateRange(0, long.MaxValue)]
    public long VideoSize { get; set; }

    /// <summary>How many tasks it accepts within 10 seconds; 0 means no limit.</summary>
    [Parameter]
    [WholeNumber(IsRequired = true)]
    [ValidateRange(0, int.MaxValue)]
    public int CreateLimit { get; set; } = 20;

    /// <summary>How many task queries it answers within a second; 0 means no limit.</summary>
    [Parameter]
    [WholeNumber(IsRequired = true)]
    [ValidateRange(0, int.MaxValue)]
    public int QueryLimit { get; set; } = 10;

    /// <summary>What goes wrong, where, and how often: objects or hashtables, such as @{ On = 'Create'; Kind = 'LoseAnswerAfter' }.</summary>
    [Parameter]
    [ValidateNotNull]
    public SandboxFault[] Fault { get; set; } = [];

    /// <summary>Starts the sandbox in place of one that is running.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        if (Connection.Sandbox.IsRunning && !Force)
        {
            // Starting one that is running is not an error, as with services.
            WriteWarning($"A sandbox is already running at {Connection.Sandbox.Describe()}; use -Force to start a new one in its place.");
            WriteObject(Connection.Sandbox.Describe());
            return;
        }

        if (ShouldProcess("this machine", "Start a sandbox of the Kling service"))
        {
            Connection.StopSandbox();
            WriteObject(Start());
        }
    }

    private KlingSandbox Start()
    {
        try
        {
            return Connection.Sandbox.Start(
                new SandboxOptions
                {
                    ApiKey = Reveal([ApiKey]).FirstOrDefault(),
                    MoreKeys = [.. Reveal(AdditionalApiKey)],
                    OtherAccounts = [.. Reveal(OtherAccountKey)],
                    CallbackKey = Reveal([CallbackKey]).FirstOrDefault(),
                    Credits = Credits,
                    CreateLimit = CreateLimit == 0 ? null : CreateLimit,
                    QueryLimit = QueryLimit == 0 ? null : QueryLimit,
                    GenerationTime = TimeSpan.FromSeconds(GenerationTime),
                    Port = Port,
                    VideoSize = VideoSize,
                },
                Fault);
        }
        catch (KlingException exception)
        {
            ThrowTerminatingError(exception, Port);
            throw;
        }
        catch (ArgumentException exception)
        {
            ThrowTerminatingError(new KlingException(ErrorKind.RequestInvalid, exception.Message, exception), Fault);
            throw;
        }
    }

    private static IEnumerable<string> Reveal(IEnumerable<SecureString?> keys) => keys.OfType<SecureString>().Select(key => new System.Net.NetworkCredential(string.Empty, key).Password);
}
