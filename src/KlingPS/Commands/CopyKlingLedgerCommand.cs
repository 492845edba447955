using System.Management.Automation;
using KlingPS.Commands.Base;
using KlingPS.Core;
using KlingPS.Core.Configuration;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Copying;
using KlingPS.Core.Ledger.Postgres;
using KlingPS.Core.Model;
using KlingPS.Parameters;
using KlingPS.Sessions;

namespace KlingPS.Commands;

/// <summary>Copies a ledger to a server, back into a file, or into another file. Needs no key and asks no service.</summary>
[Cmdlet(VerbsCommon.Copy, "KlingLedger", SupportsShouldProcess = true)]
[OutputType(typeof(KlingLedgerCopy))]
public sealed class CopyKlingLedgerCommand : KlingCommand
{
    /// <summary>The ledger to copy: the path of its file, or the address of its database.</summary>
    [Parameter(Position = 0)]
    [Usage(IsRequired = true)]
    [NotBlank]
    public string Path { get; set; } = string.Empty;

    /// <summary>Where to: the path of a file, or the address of a database, that nothing was bought with.</summary>
    [Parameter(Position = 1)]
    [Usage(IsRequired = true)]
    [NotBlank]
    public string Destination { get; set; } = string.Empty;

    /// <inheritdoc/>
    private protected override string HowToGive => "Say what to copy and where to, such as: Copy-KlingLedger ./ledger.db postgresql://db.example/videos.";

    /// <inheritdoc/>
    private protected override string ProgressActivity => "Copying the ledger";

    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        LedgerAddress source = Parse(Path, nameof(Path));
        LedgerAddress destination = Parse(Destination, nameof(Destination));
        if (!ShouldProcess(destination.Shown, $"Copy the ledger '{source.Shown}'"))
        {
            return;
        }

        // The secret that is named for a password belongs to the ledger that the settings name.
        KlingConfiguration configuration = Context.Settings.Current;
        LedgerAddress used = configuration.LedgerAddress;
        LedgerPassword? password = used == source || used == destination ? Context.Keys.FindLedgerPassword(configuration) : null;
        var copier = new LedgerCopier(address => Ledgers.Create(address, address == used ? password : null));
        KlingLedgerCopy copy;
        try
        {
            copy = Await(token => copier.CopyAsync(source, destination, ShowProgress, token));
        }
        catch (KlingException exception)
        {
            ThrowTerminatingError(exception, destination.Shown);
            throw;
        }

        Context.Progress.Complete();
        WriteObject(copy);
        WriteVerbose(
            $"From now on use '{copy.Destination}' or '{copy.Path}', on every machine, and not both: what is bought with one of them is not known to the other. "
            + $"Set-KlingConfiguration -Ledger, or the environment variable {LedgerLocation.Variable}, says which one is used.");
    }

    /// <summary>Called on any thread.</summary>
    private void ShowProgress(long done, long total)
        => Post(() => Context.Progress.Show(FormattableString.Invariant($"{done / 2:N0} of {total / 2:N0} records copied and compared"), (int)(done * 100 / Math.Max(total, 1))));

    /// <summary>A path or an address. An error says what is wrong with an address without repeating it, because it may contain a password anywhere.</summary>
    private LedgerAddress Parse(string text, string parameter)
        => LedgerAddress.TryParse(LedgerAddress.IsOfServer(text) ? text : GetFullPath(text), out LedgerAddress? address) is string problem
            ? throw new KlingException(ErrorKind.RequestInvalid, $"Nothing was copied: -{parameter} {problem}.")
            : address!;
}
