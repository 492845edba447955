using System.Management.Automation;
using KlingPS.Commands.Base;
using KlingPS.Core;
using KlingPS.Core.Setup;
using KlingPS.Parameters;
using KlingPS.Sessions;

namespace KlingPS.Commands;

/// <summary>Checks everything that would stop an unattended run, without spending anything.</summary>
[Cmdlet(VerbsDiagnostic.Test, "KlingSetup")]
[OutputType(typeof(KlingSetupCheck))]
public sealed class TestKlingSetupCommand : KlingCommand
{
    private readonly List<string> _failed = [];

    /// <summary>The folder that videos are to go to; the configured one when it is left out.</summary>
    [Parameter(Position = 0)]
    [NotBlank]
    public string? Destination { get; set; }

    /// <summary>The address that callbacks are to go to.</summary>
    [Parameter]
    [NotBlank]
    public string? CallbackUri { get; set; }

    /// <summary>Sends nothing, so that neither the service nor the key is checked with it.</summary>
    [Parameter]
    public SwitchParameter Offline { get; set; }

    /// <summary>Ends with an error if a check has failed.</summary>
    [Parameter]
    public SwitchParameter Strict { get; set; }

    /// <inheritdoc/>
    private protected override string ProgressActivity => "Checking the setup";

    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        var checks = new SetupChecks(Context, this);
        try
        {
            Emit(checks.CheckShell());
            Emit(SetupChecks.CheckModule());
            Emit(checks.CheckConfiguration());
            Emit(checks.CheckVault());
            Emit(checks.CheckKey());
            Emit(checks.FindLedger() ?? Await(checks.CheckLedgerAsync));
            Emit(Await(token => checks.CheckServiceAsync(Offline, token)));
            Emit(checks.CheckDestination(() => Destination is null ? null : GetFullPath(Destination)));
            Emit(Await(token => checks.CheckCallbackAsync(CallbackUri, Offline, token)));
        }
        finally
        {
            _ = checks.DisposeAsync().AsTask();
        }

        if (Strict && _failed.Count > 0)
        {
            string what = _failed.Count == 1 ? "1 check" : $"{_failed.Count} checks";
            ThrowTerminatingError(
                new KlingException(ErrorKind.SetupUnusable, $"{what} of the setup failed: {string.Join(", ", _failed)}. A run would stop, or do harm."),
                _failed.ToArray());
        }
    }

    private void Emit(IEnumerable<KlingSetupCheck> checks)
    {
        foreach (KlingSetupCheck check in checks)
        {
            Emit(check);
        }
    }

    private void Emit(KlingSetupCheck check)
    {
        if (check.SetupStatus == SetupStatus.Failed)
        {
            _failed.Add(check.Name);
        }

        WriteObject(check);
    }
}
